//go:build torture

package torture

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

// The hourly cleanup removes a million rows while phones refresh.
func TestF19_AMillionExpiredRowsAreRemovedUnnoticed(t *testing.T) {
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		rows := `INSERT INTO audit_events (id, kind, user_id, session_id, detail, ip, request_id, created_at)
			SELECT ID, 'login_failed', ID, ID, '', '', '', NOW FROM NUMBERS`
		names := []string{"ID", "gen_random_uuid()", "NOW", "now() - interval '3 years'", "NUMBERS", "generate_series(1, ?)"}
		if database.Dialect(db) == database.SQLite {
			names = []string{"ID", "printf('00000000-0000-7000-8000-%012x', i)", "NOW", "'2020-01-01 00:00:00+00:00'", "NUMBERS",
				"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < ?) SELECT i FROM n)"}
		}
		require.NoError(t, db.Exec(strings.NewReplacer(names...).Replace(rows), f19Rows).Error)
		app := testkit.NewApp(t, db)
		app.Clock.Advance(365 * 24 * time.Hour)
		load := newLoad(t, 50, app.Addr)
		load.operations = []string{signup}
		load.lasting(time.Second)
		load.operations = []string{refresh}
		load.ledger.waits = nil
		load.lasting(5 * time.Second)
		normal := load.ledger.waits
		load.ledger.waits = nil
		var took time.Duration
		load.during(func() {
			began := time.Now()
			app.CleanUp(t, "audit")
			took = time.Since(began)
		})
		var left int64
		require.NoError(t, db.Raw("SELECT count(*) FROM audit_events WHERE kind = 'login_failed'").Scan(&left).Error)
		require.Zero(t, left)
		require.Empty(t, load.ledger.refusals)
		require.Empty(t, load.ledger.statuses)
		summarize(t, fmt.Sprintf("F19 %d expired rows removed in %.0f s on %s: refresh p99 %v before and %v during", f19Rows, took.Seconds(), database.Dialect(db),
			percentile(normal, 99).Round(time.Millisecond), percentile(load.ledger.waits, 99).Round(time.Millisecond)))
		within(t, percentile(normal, 99)*12/10+50*time.Millisecond, percentile(load.ledger.waits, 99), "p99 of refreshes")
	})
}

// The service has 64 file descriptors, and more idle clients than that. It serves again when they leave.
func TestF22_TooFewDescriptorsStopNothing(t *testing.T) {
	service := prepare(t, testkit.Built(t), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	service.process = testkit.StartProgram(t, "/bin/sh", service.environ, "-c", `ulimit -n 64; exec "$0" serve`, service.program)
	service.waitReady(t)
	var idle []interface{ Close() error }
	for range 200 {
		idle = append(idle, dialSmall(t, service.addr))
	}
	time.Sleep(2 * time.Second)
	for _, connection := range idle {
		require.NoError(t, connection.Close())
	}
	left := time.Now()
	got := ask(service.addr, http.MethodPost, "signup", "", testkit.Credentials("ann@example.com"))
	require.Equal(t, http.StatusCreated, got.status, "%v", got.err)
	took := time.Since(left)
	service.requireAlive(t)
	within(t, 10*time.Second, took, "it serves again")
	summarize(t, fmt.Sprintf("F22 64 descriptors and 200 idle clients: serves again %.1f s after they left", took.Seconds()))
}

// With the smallest documented memory, 128 MiB, the service stays alive while 32 clients log in at the usual cost of a password.
func TestF22_TheSmallestDocumentedMemoryIsEnough(t *testing.T) {
	group := inCgroup(t, 128)
	service := prepare(t, testkit.Built(t), "sqlite:"+filepath.Join(t.TempDir(), "test.db"),
		"PASSWORD_ARGON2_MEMORY=19456", "PASSWORD_ARGON2_TIME=2")
	service.environ = append(service.environ, group.environ...)
	service.process = testkit.StartProgram(t, "/bin/sh", service.environ, "-c", group.enter+`exec "$0" serve`, service.program)
	service.waitReady(t)
	load := newLoad(t, 40, service.addr)
	load.operations = []string{signup, login, login, login}
	load.lasting(15 * time.Second)
	load.ledger.requireOnlyUnavailable(t)
	service.requireAlive(t)
	summarize(t, fmt.Sprintf("F22 40 sign-ups and logins a second for 15 s%s: alive, peak %d MiB, %v", group.limited, group.peak(t), load.ledger))
}
