//go:build torture

package torture

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// The database is copied again and again under load, and one of the copies is restored. Phones that refreshed since go on: no
// session ends, and no alarm is mailed.
func TestF24_ARestoreLogsNobodyOut(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			site := newSite(t, kind)
			load := newLoad(t, f1Rate, site.service.addr)
			load.operations = []string{signup, refresh, refresh, profile, login, refresh}
			var copies []string
			load.during(func() {
				for range 5 {
					time.Sleep(2 * time.Second)
					copies = append(copies, site.backup(t, len(copies)))
				}
				time.Sleep(2 * time.Second)
			})
			site.service.kill(t)
			chosen := rand.IntN(len(copies))
			site.restore(t, copies[chosen])
			site.service.start(t)
			db := testkit.OpenAt(t, site.url)
			kept := accountsIn(t, db)
			ahead := 0
			for _, p := range load.ledger.phones {
				if _, exists := kept[p.email]; !exists || p.created != acknowledged {
					continue
				}
				got := ask(site.service.addr, "POST", "token/refresh", "", testkit.Refreshing(p.pair.Refresh))
				require.Equal(t, 200, got.status, "%s: %s", p.email, got.code)
				ahead++
			}
			require.Positive(t, ahead)
			requireWhole(t, db)
			var alarms int64
			require.NoError(t, db.Raw("SELECT count(*) FROM river_job WHERE args->>'message' = 'sessions_ended'").Scan(&alarms).Error)
			require.Zero(t, alarms)
			load.ledger.requireOnlyUnavailable(t)
			summarize(t, fmt.Sprintf("F24 backup %d of %d restored on %s under use, %d acknowledged: %d of %d phones that the backup knows go on, 0 sessions ended, 0 alarms",
				chosen+1, len(copies), kind, load.ledger.count(acknowledged), ahead, ahead))
		})
	}
}

// site is a service with its database, and how that is copied and restored.
type site struct {
	url     string
	service *replica
	backup  func(t *testing.T, number int) string
	restore func(t *testing.T, copied string)
}

func newSite(t *testing.T, kind string) site {
	t.Helper()
	if kind == "sqlite" {
		file := filepath.Join(t.TempDir(), "test.db")
		s := site{url: "sqlite:" + file}
		s.service = newReplica(t, s.url)
		s.backup = func(t *testing.T, number int) string {
			copied := fmt.Sprintf("%s.%d", file, number)
			done := testkit.Start(t, s.service.environ, "backup", copied)
			require.Zero(t, done.Wait(t), "%s", done.Output)
			return copied
		}
		s.restore = func(t *testing.T, copied string) {
			for _, old := range []string{file, file + "-wal", file + "-shm"} {
				_ = os.Remove(old) // the last two may be gone
			}
			require.NoError(t, os.Rename(copied, file))
		}
		return s
	}
	server := newPostgres(t)
	s := site{url: server.url("latchkey")}
	s.service = newReplica(t, s.url)
	s.backup = func(t *testing.T, number int) string {
		copied := filepath.Join(server.dir, fmt.Sprintf("dump%d", number))
		server.run(t, "pg_dump", "--format=custom", "--file="+copied, s.url)
		return copied
	}
	s.restore = func(t *testing.T, copied string) {
		server.run(t, "pg_restore", "--clean", "--if-exists", "--no-owner", "--exit-on-error", "--dbname="+s.url, copied)
	}
	return s
}
