//go:build torture

package torture

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// The database hangs for ten seconds: its processes stop, a lock is held, or the network passes nothing. Each request gets its
// response in time, tokens are verified as before, and the service works again by itself.
func TestF3_ADatabaseThatHangsHangsNobody(t *testing.T) {
	for _, fault := range []struct {
		name string
		hang func(t *testing.T, server *postgres, network *proxy) (end func())
	}{
		{"SIGSTOP of every process", func(t *testing.T, server *postgres, _ *proxy) func() {
			server.freeze(t)
			return func() { server.thaw(t) }
		}},
		{"LOCK TABLE users", func(t *testing.T, server *postgres, _ *proxy) func() {
			conn, err := pgx.Connect(t.Context(), server.url("latchkey"))
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
			require.NoError(t, err)
			return func() { require.NoError(t, conn.Close(context.Background())) }
		}},
		{"a black hole", func(_ *testing.T, _ *postgres, network *proxy) func() {
			network.be(blackHole)
			return func() { network.be(pass) }
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			server := newPostgres(t)
			network := newProxy(t, server.addr())
			service := newReplica(t, server.urlThrough(network.addr, ""))
			load := newLoad(t, f3Rate, service.addr)
			load.lasting(2 * time.Second)
			before := service.vitals(t)
			keysBefore := keySets(t, service.addr, time.Second)
			var keysDuring []time.Duration
			var longestProbe, ready time.Duration
			load.during(func() {
				end := fault.hang(t, server, network)
				began := time.Now()
				for range 8 {
					asked := time.Now()
					require.NotZero(t, probe(service.addr, "/readyz", hangs))
					longestProbe = max(longestProbe, time.Since(asked))
					keysDuring = append(keysDuring, keySets(t, service.addr, time.Second)...)
				}
				time.Sleep(time.Until(began.Add(10 * time.Second)))
				end()
				ended := time.Now()
				require.Eventually(t, func() bool { return load.ledger.lastWrite().After(ended) }, testkit.Patience, 5*time.Millisecond,
					"writes succeed again")
				ready = time.Since(ended)
			})
			during := service.vitals(t)
			result := check(t, testkit.OpenAt(t, server.url("latchkey")), service.addr, load.ledger)
			load.ledger.requireOnlyUnavailable(t)
			service.requireAlive(t)
			summarize(t, fmt.Sprintf("F3 %s for 10 s, %v, %v, readyz answers within %.1f s, memory +%d MiB, works again after %.1f s",
				fault.name, result, load.ledger, longestProbe.Seconds(), during.megabytes-before.megabytes, ready.Seconds()))
			within(t, 5200*time.Millisecond, load.ledger.longest, "the longest response")
			within(t, 1200*time.Millisecond, longestProbe, "readyz answers")
			within(t, 2*percentile(keysBefore, 99)+20*time.Millisecond, percentile(keysDuring, 99), "p99 of what needs no database")
			within(t, 5*time.Second, ready, "works again")
			require.LessOrEqual(t, during.megabytes, before.megabytes+50)
		})
	}
}

// keySets asks for the key set 50 times a second for a time, which needs no database, and returns how long each response took.
func keySets(t *testing.T, address string, lasting time.Duration) (took []time.Duration) {
	t.Helper()
	every(20*time.Millisecond, lasting, func() {
		began := time.Now()
		require.Equal(t, http.StatusOK, probe(address, "/.well-known/jwks.json", hangs))
		took = append(took, time.Since(began))
	})
	return took
}
