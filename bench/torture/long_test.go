//go:build torture

package torture

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The scale of `make torture`.
const (
	f1Rounds, f1Rate, f1Down = 12, 50, 3 * time.Second
	f1bKills, f1bSignups     = 50, 10_000
	f2Lasting                = 20 * time.Second
	f2bRounds                = 6
	f2dRate, f2dLasting      = 200, 25 * time.Second
	f3Rate                   = 100
	f7Rounds, f8Sessions     = 30, 1000
	f9Kills, f9Rate          = 50, 100
	f16Rounds, f16Rate       = 3, 200
	f10Guesses, f10Rate      = 40_000, 600
	f10Sources               = 500
	f12Clients               = 500
	f19Rows                  = 1_000_000
	f18Rounds                = 20
	soakThird                = 30 * time.Second
	f23Rounds                = 30
)

// requestTimeout is the default, which the rows hold the service to.
const requestTimeout = "5s"

// beside does nothing: a row has the machine for itself.
func beside(*testing.T) {}

// within fails the test if what took longer than limit.
func within(t *testing.T, limit, took time.Duration, what string) {
	t.Helper()
	require.LessOrEqual(t, took, limit, what)
}

// summarize writes the line of a row, which `make torture` collects.
func summarize(_ *testing.T, line string) { fmt.Println("result: " + line) }
