package torture

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// Three replicas behind a load balancer are restarted one after the other, under load. No client notices.
func TestF16_ARollingRestartFailsNoRequest(t *testing.T) {
	beside(t)
	server := newPostgres(t)
	url := server.url("latchkey")
	const delay = "SHUTDOWN_DELAY=2s"
	replicas := []*replica{newReplica(t, url, delay), newReplica(t, url, delay), newReplica(t, url, delay)}
	balancer := newBalancer(t, replicas...)
	load := newLoad(t, f16Rate, balancer.addr)
	var longest time.Duration
	load.during(func() {
		for range f16Rounds {
			for _, r := range replicas {
				time.Sleep(2 * polled)
				began := time.Now()
				require.Zero(t, r.stop(t), "%s", r.process.Output)
				longest = max(longest, time.Since(began))
				r.start(t)
				time.Sleep(2 * polled)
			}
		}
	})
	result := check(t, testkit.OpenAt(t, url), balancer.addr, load.ledger)
	require.Empty(t, load.ledger.refusals)
	require.Empty(t, load.ledger.statuses, "no client notices")
	require.Zero(t, balancer.failed)
	within(t, 12*time.Second, longest, "requests in progress end")
	summarize(t, fmt.Sprintf("F16 %d rolling restarts of three replicas at %d requests a second, %v, %v, a replica ended after %.1f s at most",
		f16Rounds, f16Rate, result, load.ledger, longest.Seconds()))
}
