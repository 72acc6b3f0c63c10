//go:build torture

package torture

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// A steady load changes neither what the service holds nor how long it takes. It is short: a leak that needs an hour to show is
// not found.
func TestSoak_ASteadyLoadLeaksNothing(t *testing.T) {
	server := newPostgres(t)
	service := newReplica(t, server.url("latchkey"))
	load := newLoad(t, 50, service.addr)
	load.lasting(10 * time.Second)
	load.operations = []string{refresh, profile, refresh, login} // no more accounts, so that all thirds are alike
	var thirds []time.Duration
	var measured []vitals
	for range 3 {
		load.ledger.waits = nil
		load.lasting(soakThird)
		thirds = append(thirds, percentile(load.ledger.waits, 99))
		measured = append(measured, service.vitals(t))
	}
	result := check(t, testkit.OpenAt(t, server.url("latchkey")), service.addr, load.ledger)
	require.Empty(t, load.ledger.refusals)
	require.Empty(t, load.ledger.statuses)
	first, last := measured[0], measured[2]
	summarize(t, fmt.Sprintf("soak %v at 50 requests a second, %v, resident memory %d → %d MiB, goroutines %d → %d, descriptors %d → %d, p99 %v → %v",
		3*soakThird, result, first.megabytes, last.megabytes, first.goroutines, last.goroutines, first.descriptors, last.descriptors,
		thirds[0].Round(time.Millisecond), thirds[2].Round(time.Millisecond)))
	require.LessOrEqual(t, last.goroutines, first.goroutines+5)
	require.LessOrEqual(t, last.descriptors, first.descriptors+5)
	require.LessOrEqual(t, last.megabytes, first.megabytes+5)
	within(t, thirds[0]*11/10+20*time.Millisecond, thirds[2], "p99 of the last third")
}
