//go:build torture

package torture

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// The disk of PostgreSQL's write-ahead log is full, upon which PostgreSQL stops by itself. Requests are refused for now, and
// succeed once there is room and PostgreSQL runs again.
func TestF11_AFullDiskUnderPostgresRefusesForNow(t *testing.T) {
	small := newDisk(t, 48)
	server := newPostgresWithWAL(t, filepath.Join(small.dir, "wal"))
	service := newReplica(t, server.url("latchkey"))
	load := newLoad(t, f1Rate, service.addr)
	load.lasting(2 * time.Second)
	small.full(t)
	load.during(func() {
		require.Eventually(t, func() bool { return load.ledger.count(unknown) > 20 }, testkit.Patience, 10*time.Millisecond, "the log is full")
		time.Sleep(2 * time.Second)
		small.free(t)
		if syscall.Kill(server.pid, 0) != nil {
			server.ended()
			server.start(t)
		}
		freed := time.Now()
		require.Eventually(t, func() bool { return load.ledger.lastWrite().After(freed) }, testkit.Patience, 10*time.Millisecond, "writes succeed again")
	})
	result := check(t, testkit.OpenAt(t, server.url("latchkey")), service.addr, load.ledger)
	load.ledger.requireOnlyUnavailable(t)
	service.requireAlive(t)
	within(t, 5200*time.Millisecond, load.ledger.longest, "the longest response")
	summarize(t, fmt.Sprintf("F11 PostgreSQL's log on a full disk, %v, %v, writes again by themselves", result, load.ledger))
}
