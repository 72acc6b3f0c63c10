package commands

import (
	"log/slog"
	"path"
	"strings"

	"latchkey/config"
)

// logger returns a logger that writes to stderr in the format of LOG_FORMAT, from LOG_LEVEL on.
func (c *console) logger(settings config.Settings) *slog.Logger {
	options := &slog.HandlerOptions{Level: settings.Log.Level, ReplaceAttr: readable}
	if settings.Log.Format == "json" {
		options.ReplaceAttr = readableJSON
		return slog.New(slog.NewJSONHandler(c.stderr, options))
	}
	return slog.New(slog.NewTextHandler(c.stderr, options))
}

// readable turns a stack, as runtime/debug writes it, into one line.
func readable(_ []string, attribute slog.Attr) slog.Attr {
	if attribute.Key == "stack" && attribute.Value.Kind() == slog.KindString {
		return slog.String("stack", strings.Join(frames(attribute.Value.String()), " < "))
	}
	return attribute
}

// readableJSON is readable for JSON: a stack is a list, and a duration is a number of milliseconds whose name has the unit. As
// slog writes it, a duration is a number of nanoseconds under a name that says nothing of that.
func readableJSON(_ []string, attribute slog.Attr) slog.Attr {
	switch {
	case attribute.Key == "stack" && attribute.Value.Kind() == slog.KindString:
		return slog.Any("stack", frames(attribute.Value.String()))
	case attribute.Value.Kind() == slog.KindDuration:
		return slog.Float64(attribute.Key+"_ms", float64(attribute.Value.Duration().Microseconds())/1000)
	}
	return attribute
}

const maxFrames = 30

// frames returns the functions of a stack from where the panic was raised, each with its file and line.
func frames(stack string) []string {
	lines := strings.Split(strings.TrimSpace(stack), "\n")
	var found []string
	for i := 1; i+1 < len(lines) && len(found) < maxFrames; i += 2 {
		function, at := lines[i], strings.TrimSpace(lines[i+1])
		if strings.HasPrefix(function, "created by ") {
			break
		}
		if strings.HasPrefix(function, "panic(") {
			found = nil // what came before only reports it
			continue
		}
		if end := strings.LastIndexByte(function, '('); end > 0 {
			function = function[:end]
		}
		at, _, _ = strings.Cut(at, " ")
		found = append(found, path.Base(function)+" "+path.Base(at))
	}
	return found
}
