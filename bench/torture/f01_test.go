package torture

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// PostgreSQL is killed under load, and comes back. Nothing that was acknowledged is lost, nothing is done by half, no request
// hangs, and the service needs no restart.
func TestF1_ADatabaseThatIsKilledLosesNothing(t *testing.T) {
	beside(t)
	server := newPostgres(t)
	service := newReplica(t, server.url("latchkey"))
	load := newLoad(t, f1Rate, service.addr)
	load.lasting(time.Second)
	load.client.CloseIdleConnections()
	before := service.vitals(t)
	var ready, unready time.Duration
	for range f1Rounds {
		load.during(func() {
			time.Sleep(time.Duration(rand.Int64N(int64(time.Second))))
			server.kill(t)
			killed := time.Now()
			require.Eventually(t, func() bool { return probe(service.addr, "/readyz", hangs) == http.StatusServiceUnavailable },
				testkit.Patience, 5*time.Millisecond, "not ready without a database")
			unready = max(unready, time.Since(killed))
			require.Equal(t, http.StatusOK, probe(service.addr, "/healthz", hangs))
			time.Sleep(time.Until(killed.Add(f1Down)))
			server.start(t)
			came := time.Now()
			service.waitReady(t)
			require.Eventually(t, func() bool { return load.ledger.lastWrite().After(came) },
				testkit.Patience, 5*time.Millisecond, "requests succeed again")
			ready = max(ready, time.Since(came))
		})
	}
	result := check(t, testkit.OpenAt(t, server.url("latchkey")), service.addr, load.ledger)
	server.amcheck(t)
	load.ledger.requireOnlyUnavailable(t)
	service.requireAlive(t)
	within(t, 5200*time.Millisecond, load.ledger.longest, "the longest response")
	within(t, 2*time.Second, unready, "readyz is 503")
	within(t, 5*time.Second, ready, "it works again")
	load.client.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections() // of the check
	requireBack(t, before, service)
	summarize(t, fmt.Sprintf("F1 %d rounds, %v, %v, not ready after %.1f s, works again after %.1f s",
		f1Rounds, result, load.ledger, unready.Seconds(), ready.Seconds()))
}

// The service itself is killed on SQLite.
func TestF1b_AKilledServiceOnSQLiteLosesNothing(t *testing.T) {
	beside(t)
	file := filepath.Join(t.TempDir(), "test.db")
	service := newReplica(t, "sqlite:"+file)
	load := newLoad(t, 200, service.addr)
	load.operations = []string{signup}
	var longest time.Duration
	for round := range f1bKills {
		load.during(func() {
			want := f1bSignups * (round + 1) / f1bKills
			require.Eventually(t, func() bool { return load.ledger.count(acknowledged) >= want },
				testkit.Patience, time.Millisecond, "sign-ups")
			service.kill(t)
		})
		requireSmallWAL(t, file)
		began := time.Now()
		service.start(t)
		longest = max(longest, time.Since(began))
	}
	result := check(t, testkit.OpenAt(t, "sqlite:"+file), service.addr, load.ledger)
	within(t, 2*time.Second, longest, "it starts again")
	summarize(t, fmt.Sprintf("F1b %d kills of the process on SQLite, %v, all log in, ready again after %.1f s at most",
		f1bKills, result, longest.Seconds()))
}

func requireSmallWAL(t *testing.T, file string) {
	t.Helper()
	const limit = 64 << 20
	wal, err := os.Stat(file + "-wal")
	require.NoError(t, err)
	require.LessOrEqual(t, wal.Size(), int64(limit))
}

// requireBack fails the test if the replica does not release what it took during a fault.
func requireBack(t *testing.T, before vitals, r *replica) {
	t.Helper()
	// Beside the five that may differ, the pool may hold more of its ten connections than before.
	const descriptors, goroutines = 5 + 10, 5 + 3*10
	var now vitals
	require.Eventually(t, func() bool {
		now = r.vitals(t)
		return now.descriptors <= before.descriptors+descriptors && now.goroutines <= before.goroutines+goroutines
	}, testkit.Patience, 250*time.Millisecond, "goroutines and descriptors are released: %+v", before)
	t.Logf("before %+v, afterwards %+v", before, now)
}
