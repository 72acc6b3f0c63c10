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
