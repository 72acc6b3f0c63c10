package commands

import (
	"bytes"
	"encoding/json"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func logLine(format string, attributes ...any) string {
	var written bytes.Buffer
	c := &console{stderr: &written}
	c.logger(config.Settings{Log: config.Log{Format: format}}).Info("line", attributes...)
	return written.String()
}

func TestLogger_DurationsInJSONHaveTheirUnit(t *testing.T) {
	t.Parallel()
	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(logLine("json", "took", 1500*time.Microsecond, "n", 7)), &line))
	require.InDelta(t, 1.5, line["took_ms"], 1e-9)
	require.NotContains(t, line, "took")
	require.InDelta(t, 7, line["n"], 0)
	require.Contains(t, logLine("text", "took", 1500*time.Microsecond), "took=1.5ms")
}

func TestLogger_WritesOneLineWhateverIsInIt(t *testing.T) {
	t.Parallel()
	const forged = "a\r\nlevel=ERROR msg=forged\x1b[2J\u2028\u0085\x00{\"level\":\"ERROR\"}"
	for _, format := range []string{"json", "text"} {
		line := logLine(format, "user_agent", forged, forged, 1)
		require.Equal(t, 1, strings.Count(line, "\n"), format)
		require.True(t, strings.HasSuffix(line, "\n"))
		for _, control := range []string{"\r", "\x1b", "\x00"} {
			require.NotContains(t, line, control, format)
		}
	}
	var parsed map[string]any
	require.NoError(t, json.Unmarshal([]byte(logLine("json", "user_agent", forged)), &parsed))
	require.Equal(t, forged, parsed["user_agent"])
}

func stackOfAPanic() (stack string) {
	defer func() {
		_ = recover()
		stack = string(debug.Stack())
	}()
	panic("a sleeve caught fire")
}

func TestLogger_AStackBeginsWhereThePanicWasRaised(t *testing.T) {
	t.Parallel()
	var line struct{ Stack []string }
	require.NoError(t, json.Unmarshal([]byte(logLine("json", "stack", stackOfAPanic())), &line))
	require.True(t, strings.HasPrefix(line.Stack[0], "commands.stackOfAPanic log_test.go:"), line.Stack)
	require.True(t, strings.HasPrefix(line.Stack[1], "commands.TestLogger_AStack"), line.Stack)
	text := logLine("text", "stack", stackOfAPanic())
	require.Contains(t, text, " < commands.TestLogger_AStack")
	require.NotContains(t, text, `\n`)
	require.Empty(t, frames(""))
	require.Empty(t, frames("goroutine 1 [running]:"))
}
