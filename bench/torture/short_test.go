//go:build !torture

package torture

import (
	"testing"
	"time"
)

// The scale at which the cheap rows run with all other tests. On a busy machine they measure nothing: see within.
const (
	f1Rounds, f1Rate, f1Down = 3, 30, 500 * time.Millisecond
	f1bKills, f1bSignups     = 3, 300
	f2Lasting                = 3 * time.Second
	f9Kills, f9Rate          = 5, 60
	f16Rounds, f16Rate       = 1, 50
	f23Rounds                = 10
)

// requestTimeout is long, because on a busy machine everything is late.
const requestTimeout = "2m"

// beside runs a test beside others, because it measures no times.
func beside(t *testing.T) { t.Parallel() }

// within does nothing: other tests share the machine, so that times mean nothing.
func within(*testing.T, time.Duration, time.Duration, string) {}

// summarize writes the line of a row into the log of its test.
func summarize(t *testing.T, line string) {
	t.Helper()
	t.Log(line)
}
