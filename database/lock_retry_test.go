package database_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

const addColumn = "ALTER TABLE a ADD COLUMN more integer; | ALTER TABLE a DROP COLUMN more;"

// postgresWithA returns the URL of a PostgreSQL database that has table a, and a connection to it that holds a lock on a until
// the transaction ends.
func postgresWithA(t *testing.T) (url string, lock *gorm.DB) {
	t.Helper()
	url = testkit.PostgresURL(t)
	testkit.Migrate(t, url, tree(makeA))
	lock = testkit.OpenAt(t, url).Begin()
	require.NoError(t, lock.Exec("LOCK TABLE a IN ACCESS SHARE MODE").Error)
	t.Cleanup(func() { lock.Rollback() })
	return url, lock
}

func TestMigrator_Up_TriesAgainUntilALongTransactionEnds(t *testing.T) {
	t.Parallel()
	url, lock := postgresWithA(t)
	log := &testkit.Log{}
	m, err := database.NewMigratorFrom(url, tree(makeA, addColumn), slog.New(slog.NewTextHandler(log, nil)))
	require.NoError(t, err)
	defer m.Close()
	m.TryLocks(1000)
	done := make(chan error, 1)
	go func() {
		_, err := m.Up(t.Context())
		done <- err
	}()
	const refused = "a migration did not get a lock and will be tried again"
	require.Eventually(t, func() bool { return strings.Contains(log.String(), refused) }, testkit.Patience, tick)
	require.NoError(t, lock.Commit().Error)
	require.NoError(t, <-done)
	require.NoError(t, m.Check(t.Context()))
}

func TestMigrator_Up_NamesTheTransactionThatKeepsItFromItsLock(t *testing.T) {
	t.Parallel()
	url, lock := postgresWithA(t)
	var pid string
	require.NoError(t, lock.Raw("SELECT pg_backend_pid()").Scan(&pid).Error)
	m := migrator(t, url, tree(makeA, addColumn))
	m.TryLocks(2)
	applied, err := m.Up(t.Context())
	require.ErrorContains(t, err, "migration 00002_number_2.sql was not applied: it did not get a lock within 500ms in any of 2 tries; "+
		"blocked by pid "+pid+" (no name, idle in transaction, ")
	require.ErrorContains(t, err, "or end them with pg_terminate_backend(pid), and run the command again")
	require.Empty(t, applied)
	require.ErrorContains(t, m.Check(t.Context()), "1 migration is pending")

	require.NoError(t, lock.Commit().Error)
	_, err = m.Up(t.Context())
	require.NoError(t, err)
}

// While a migration waits for its lock, requests on the table wait behind it, but not for the whole of the long transaction.
func TestMigrator_Up_LetsRequestsPassBetweenItsTries(t *testing.T) {
	t.Parallel()
	url, _ := postgresWithA(t)
	m := migrator(t, url, tree(makeA, addColumn))
	m.TryLocks(2)
	done := make(chan error, 1)
	go func() {
		_, err := m.Up(t.Context())
		done <- err
	}()
	db := testkit.OpenAt(t, url)
	var waiting bool
	require.Eventually(t, func() bool {
		err := db.Raw("SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'a'::regclass AND NOT granted)").Scan(&waiting).Error
		return err == nil && waiting
	}, testkit.Patience, tick)
	require.NoError(t, db.Exec("INSERT INTO a VALUES (1)").Error, "it passes although the long transaction goes on")
	require.ErrorContains(t, <-done, "did not get a lock")
}

// An index on a large table is built beside the requests. What an interrupted try left is replaced.
func TestMigrator_Up_BuildsAnIndexBesideRequestsAndReplacesAnInvalidOne(t *testing.T) {
	t.Parallel()
	url := testkit.PostgresURL(t)
	testkit.Migrate(t, url, tree(makeA))
	db := testkit.OpenAt(t, url)
	require.NoError(t, db.Exec("INSERT INTO a VALUES (1), (3)").Error)
	pool, err := db.DB() // GORM would begin a transaction
	require.NoError(t, err)
	_, err = pool.ExecContext(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY parity ON a ((id % 2))")
	require.ErrorContains(t, err, "could not create unique index", "it leaves an invalid one")
	isValid := func() (valid bool) {
		require.NoError(t, db.Raw("SELECT indisvalid FROM pg_index WHERE indexrelid = 'parity'::regclass").Scan(&valid).Error)
		return valid
	}
	require.False(t, isValid())

	indexed, _ := testkit.AddMigration(t, tree(makeA), "index", `-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = '10min';
DROP INDEX CONCURRENTLY IF EXISTS parity;
CREATE INDEX CONCURRENTLY parity ON a ((id % 2));
`)
	m := migrator(t, url, indexed)
	_, err = m.Up(t.Context())
	require.NoError(t, err)
	require.True(t, isValid())

	// What that migration set does not outlive it.
	lock := db.Begin()
	defer lock.Rollback()
	require.NoError(t, lock.Exec("LOCK TABLE a IN ACCESS SHARE MODE").Error)
	after, _ := testkit.AddMigration(t, indexed, "after", "-- +goose Up\nALTER TABLE a ADD COLUMN more integer;\n")
	next := migrator(t, url, after)
	next.TryLocks(1)
	_, err = next.Up(t.Context())
	require.ErrorContains(t, err, "within 500ms in any of 1 tries")
}
