//go:build torture

package torture

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// addition is what the next version adds to the schema.
const addition = `-- latchkey: expand
-- +goose Up
ALTER TABLE users ADD COLUMN torture text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE users DROP COLUMN torture;
`

// nextVersion builds the program as its next version will be: with one more migration.
func nextVersion(t *testing.T) string {
	t.Helper()
	sources, into := t.TempDir(), t.TempDir()
	require.NoError(t, filepath.WalkDir(testkit.Sources, func(path string, entry fs.DirEntry, err error) error {
		relative, _ := filepath.Rel(testkit.Sources, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(sources, relative), 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(sources, relative), content, 0o644)
	}))
	for _, dialect := range []string{"sqlite", "postgres"} {
		folder := filepath.Join(sources, "database", "migrations", dialect)
		all, err := filepath.Glob(filepath.Join(folder, "*.sql"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%05d_add_torture.sql", len(all)+1)), []byte(addition), 0o644))
	}
	require.NoError(t, testkit.Build(sources, into))
	return filepath.Join(into, "latchkey")
}

// Three replicas behind a load balancer move to the next version and back, one after the other, under load, after its migration was
// killed a few times and run again. No client notices.
func TestF15b_ARollingUpgradeAndTheWayBackFailNoRequest(t *testing.T) {
	next := nextVersion(t)
	server := newPostgres(t)
	url := server.url("latchkey")
	newReplica(t, url).kill(t) // migrates
	settings := []string{"SHUTDOWN_DELAY=2s", "AUTO_MIGRATE=false"}
	var replicas []*replica
	for range 3 {
		replicas = append(replicas, newReplica(t, url, settings...))
	}
	balancer := newBalancer(t, replicas...)
	load := newLoad(t, 100, balancer.addr)
	var upgrade time.Duration
	load.during(func() {
		time.Sleep(time.Second)
		for range 5 {
			killed := testkit.StartProgram(t, next, replicas[0].environ, "migrate", "up")
			time.Sleep(time.Duration(rand.Int64N(int64(100 * time.Millisecond))))
			_ = killed.Command.Process.Kill() // it may have ended
			killed.Wait(t)
		}
		began := time.Now()
		migrated := testkit.StartProgram(t, next, replicas[0].environ, "migrate", "up")
		require.Zero(t, migrated.Wait(t), "%s", migrated.Output)
		upgrade = time.Since(began)
		time.Sleep(3 * polled)
		for _, r := range replicas {
			require.True(t, r.isReady(), "a replica is older than the schema, and ready")
		}
		for _, version := range []string{next, testkit.Built(t)} {
			for _, r := range replicas {
				require.Zero(t, r.stop(t), "%s", r.process.Output)
				r.program = version
				r.start(t)
				time.Sleep(2 * polled)
			}
		}
	})
	result := check(t, testkit.OpenAt(t, url), balancer.addr, load.ledger)
	require.Empty(t, load.ledger.refusals)
	require.Empty(t, load.ledger.statuses, "no client notices")
	require.Zero(t, balancer.failed)
	require.Equal(t, "1", server.query(t, "latchkey", "SELECT count(*) FROM information_schema.columns WHERE column_name = 'torture'"))
	for _, line := range strings.Split(server.log(t), "\n") {
		require.NotContains(t, line, "deadlock")
	}
	within(t, 2*time.Second, load.ledger.longest, "no lock is waited for")
	summarize(t, fmt.Sprintf("F15b rolling upgrade of three replicas at 100 requests a second and back, migration killed 5 times, %v, %v, migration %.1f s",
		result, load.ledger, upgrade.Seconds()))
}
