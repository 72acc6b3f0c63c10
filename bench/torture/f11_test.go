package torture

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// disk is a small disk in memory. Full uses up every byte of it, and free releases what full used.
type disk struct{ dir string }

// newDisk mounts a disk of some MiB. Without the right to mount the test is skipped, or fails under TEST_REQUIRE_SERVICES=1.
func newDisk(t *testing.T, mebibytes int) disk {
	t.Helper()
	dir := folderForPostgres(t) // which may use it
	err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=777", mebibytes))
	if errors.Is(err, syscall.EPERM) && os.Getenv("TEST_REQUIRE_SERVICES") != "1" {
		t.Skip("only root can mount a small disk")
	}
	require.NoError(t, err, "mount a small disk, which only root can")
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return disk{dir}
}

func (d disk) ballast() string { return filepath.Join(d.dir, "ballast") }

func (d disk) full(t *testing.T) {
	t.Helper()
	file, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer file.Close()
	for _, size := range []int{64 << 10, 4 << 10, 1} {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
	}
}

func (d disk) free(t *testing.T) {
	t.Helper()
	require.NoError(t, os.Remove(d.ballast()))
}

// The disk of SQLite is full. Writes are refused for now, reads go on, the log says it without flooding, and writes succeed once
// there is room.
func TestF11_AFullDiskUnderSQLiteRefusesWritesForNow(t *testing.T) {
	beside(t)
	small := newDisk(t, 12)
	url := "sqlite:" + filepath.Join(small.dir, "test.db")
	service := newReplica(t, url)
	load := newLoad(t, 50, service.addr)
	load.operations = []string{signup}
	load.lasting(time.Second)
	ann := load.ledger.phones[0]
	require.Equal(t, acknowledged, ann.created)
	small.full(t)
	fillUp(t, load, service.addr)
	before := load.ledger.count(unknown)
	const refusals = 100
	for range refusals {
		load.do(time.Now(), signup, service.addr)
	}
	require.Equal(t, before+refusals, load.ledger.count(unknown), "nothing can be written")
	requireReads(t, service, ann)
	lines := strings.Count(service.process.Output.String(), "storage")
	require.Positive(t, lines, "the log says that storage is short")
	require.Less(t, lines, 20, "the log does not say it for each request")
	small.free(t)
	freed := time.Now()
	require.Eventually(t, func() bool {
		load.do(time.Now(), signup, service.addr)
		return load.ledger.lastWrite().After(freed)
	}, testkit.Patience, 20*time.Millisecond, "writes succeed again")
	took := time.Since(freed)
	result := check(t, testkit.OpenAt(t, url), service.addr, load.ledger)
	load.ledger.requireOnlyUnavailable(t)
	service.requireAlive(t)
	within(t, 5*time.Second, took, "writes succeed again")
	summarize(t, fmt.Sprintf("F11 SQLite on a full disk, %v, %v, reads 200, writes again after %.1f s", result, load.ledger, took.Seconds()))
}

// fillUp signs up until nothing can be written.
func fillUp(t *testing.T, load *load, address string) {
	t.Helper()
	failures := load.ledger.count(unknown) + 5
	for range 10_000 {
		load.do(time.Now(), signup, address)
		if load.ledger.count(unknown) >= failures {
			return
		}
	}
	require.Fail(t, "the disk does not fill up")
}

// requireReads fails the test unless what needs no write works.
func requireReads(t *testing.T, service *replica, p *phone) {
	t.Helper()
	require.Equal(t, http.StatusOK, ask(service.addr, http.MethodGet, "profile", p.pair.Access, "").status)
	verified := ask(service.addr, http.MethodPost, "token/verify", "", `{"token":"`+p.pair.Access+`"}`)
	require.True(t, verified.pair.Active)
	require.Equal(t, http.StatusOK, probe(service.addr, "/.well-known/jwks.json", hangs))
	require.Equal(t, http.StatusOK, probe(service.addr, "/healthz", hangs))
}

// Nothing reads the log any more, or its disk is full. The service goes on without it.
func TestF11_ALogThatCannotBeWrittenStopsNothing(t *testing.T) {
	beside(t)
	for name, redirection := range map[string]string{
		"closed": `> >(head -c 300 >/dev/null) 2>&1`,
		"full":   `>"$1/log" 2>&1`,
	} {
		t.Run(name, func(t *testing.T) {
			small := newDisk(t, 1)
			service := prepare(t, testkit.Built(t), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
			script := `program=$0; exec "$program" serve ` + redirection
			service.process = testkit.StartProgram(t, "/bin/bash", service.environ, "-c", script, service.program, small.dir)
			service.waitReady(t)
			small.full(t)
			for i := range 50 {
				got := ask(service.addr, http.MethodPost, "signup", "", testkit.Credentials(fmt.Sprintf("ann%d@example.com", i)))
				require.Equal(t, http.StatusCreated, got.status, "%v", got.err)
			}
			service.requireAlive(t)
			summarize(t, "F11 log "+name+": 50 of 50 sign-ups succeed")
		})
	}
}
