package torture

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// Every connection to PostgreSQL is reset twice a second. A read is repeated and succeeds; a write fails at most once for each
// connection that was cut, and is not repeated, because its commit may have happened.
func TestF2_ConnectionsThatAreResetLoseNothing(t *testing.T) {
	beside(t)
	server := newPostgres(t)
	network := newProxy(t, server.addr())
	service := newReplica(t, server.urlThrough(network.addr, ""))
	load := newLoad(t, f1Rate, service.addr)
	load.lasting(time.Second)
	load.during(func() { every(polled, f2Lasting, network.reset) })
	finishCuts(t, server, service, load, cutting{"RST of every connection each 0.5 s", network.cuts})
}

// PostgreSQL's operator ends every connection.
func TestF2_ConnectionsThatAreTerminatedLoseNothing(t *testing.T) {
	beside(t)
	server := newPostgres(t)
	service := newReplica(t, server.url("latchkey"))
	load := newLoad(t, f1Rate, service.addr)
	load.lasting(time.Second)
	cuts := 0
	load.during(func() {
		every(polled, f2Lasting, func() {
			for range number(t, digits, server.query(t, "postgres", `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE datname = 'latchkey' AND pid <> pg_backend_pid()`)) {
				cuts++
			}
		})
	})
	finishCuts(t, server, service, load, cutting{"pg_terminate_backend of every connection each 0.5 s", cuts})
}

// cutting is how connections were cut, and how many.
type cutting struct {
	how  string
	cuts int
}

func finishCuts(t *testing.T, server *postgres, service *replica, load *load, how cutting) {
	t.Helper()
	result := check(t, testkit.OpenAt(t, server.url("latchkey")), service.addr, load.ledger)
	load.ledger.requireOnlyUnavailable(t)
	service.requireAlive(t)
	require.Positive(t, how.cuts)
	require.Zero(t, load.ledger.reads, "reads are repeated")
	require.LessOrEqual(t, load.ledger.counts[unknown], how.cuts, "writes fail at most once for each connection that was cut")
	within(t, 5200*time.Millisecond, load.ledger.longest, "the longest response")
	summarize(t, fmt.Sprintf("F2 %s (%d), %v, failed reads 0, %v", how.how, how.cuts, result, load.ledger))
}

// every calls do at an interval, for a time.
func every(interval, lasting time.Duration, do func()) {
	for end := time.Now().Add(lasting); time.Now().Before(end); {
		time.Sleep(interval)
		do()
	}
}
