package database_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

const (
	tick       = 5 * time.Millisecond
	migrateURL = "TEST_MIGRATE_URL" // the database that this test program is to migrate
)

// slowMigrations are the program's own, one that says how far to count, and one that counts, which makes it as slow as a test
// wants; paced are all but the last.
func slowMigrations(t *testing.T) (paced, slow fs.FS) {
	t.Helper()
	paced, _ = testkit.AddMigration(t, database.Migrations(), "pace",
		"-- +goose Up\nCREATE TABLE pace (rows bigint NOT NULL);\nINSERT INTO pace VALUES (10);\n")
	slow, _ = testkit.AddMigration(t, paced, "slow", `-- +goose Up
CREATE TABLE before_the_long_step (id integer PRIMARY KEY);
CREATE TABLE counted AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < (SELECT rows FROM pace))
  SELECT x FROM n;
CREATE TABLE after_the_long_step (id integer PRIMARY KEY);
`)
	return paced, slow
}

// This is not a test but the process that the test below kills.
func TestMigrator_Up_InAProcessOfItsOwn(t *testing.T) {
	url := os.Getenv(migrateURL)
	if url == "" {
		t.Skip("TestMigrator_Up_AfterAKillGoesOnFromTheLastWholeMigration runs this")
	}
	_, slow := slowMigrations(t)
	testkit.Migrate(t, url, slow)
}

func TestMigrator_Up_AfterAKillGoesOnFromTheLastWholeMigration(t *testing.T) {
	testkit.EachURL(t, func(t *testing.T, url string) {
		paced, slow := slowMigrations(t)
		testkit.Migrate(t, url, paced)
		run := open(t, url)
		require.NoError(t, run("UPDATE pace SET rows = 2000000000", nil))

		process := exec.Command(os.Args[0], "-test.run=^TestMigrator_Up_InAProcessOfItsOwn$")
		process.Env = append(os.Environ(), migrateURL+"="+url)
		var output bytes.Buffer
		process.Stdout, process.Stderr = &output, &output
		require.NoError(t, process.Start())
		ended := make(chan error, 1)
		go func() { ended <- process.Wait() }()
		waitUntilItCounts(t, url, run, ended)
		require.NoError(t, process.Process.Kill())
		require.ErrorContains(t, <-ended, "killed", "%s", &output)

		m := migrator(t, url, slow)
		require.ErrorContains(t, m.Check(t.Context()), "1 migration is pending")
		require.NoError(t, run("UPDATE pace SET rows = 10", nil))
		applied, err := m.Up(t.Context())
		require.NoError(t, err)
		require.Len(t, applied, 1)
		require.NoError(t, m.Check(t.Context()))
		require.Equal(t, freshSchema(t, slow, isSQLite(url)), schemaOf(t, run, isSQLite(url)))
		var rows int
		require.NoError(t, run("SELECT count(*) FROM counted", &rows))
		require.Equal(t, 10, rows)
	})
}

// waitUntilItCounts waits until the long step of the slow migration is under way: on PostgreSQL its statement runs, on SQLite
// its rows are so many that some are already in the write-ahead log.
func waitUntilItCounts(t *testing.T, url string, run func(string, any) error, ended <-chan error) {
	t.Helper()
	require.Eventually(t, func() bool {
		select {
		case err := <-ended:
			require.NoError(t, err)
			require.Fail(t, "it ended before it was killed")
		default:
		}
		if isSQLite(url) {
			wal, err := os.Stat(strings.TrimPrefix(url, "sqlite:") + "-wal")
			return err == nil && wal.Size() > 8<<20
		}
		var count int
		err := run(`SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND state = 'active' AND query LIKE 'CREATE TABLE counted%'`, &count)
		return err == nil && count == 1
	}, testkit.Patience, tick)
}

func isSQLite(url string) bool { return strings.HasPrefix(url, "sqlite:") }

// freshSchema returns the schema that migrations make on an empty database.
func freshSchema(t *testing.T, migrations fs.FS, onSQLite bool) []string {
	t.Helper()
	url := "sqlite:" + t.TempDir() + "/fresh.db"
	if !onSQLite {
		url = testkit.PostgresURL(t)
	}
	testkit.Migrate(t, url, migrations)
	return schemaOf(t, open(t, url), onSQLite)
}

// schemaOf returns the tables, columns, indexes and constraints of a database, and the migrations that it has.
func schemaOf(t *testing.T, run func(string, any) error, onSQLite bool) (lines []string) {
	t.Helper()
	query := "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master ORDER BY 1"
	if !onSQLite {
		query = `SELECT table_name || ' ' || column_name || ' ' || udt_name || ' ' || is_nullable || ' ' || coalesce(column_default, '')
				FROM information_schema.columns WHERE table_schema = 'public'
			UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
			UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
				WHERE connamespace = 'public'::regnamespace
			ORDER BY 1`
	}
	require.NoError(t, run(query, &lines))
	require.Greater(t, len(lines), 20)
	var versions []string
	require.NoError(t, run("SELECT version_id FROM goose_db_version ORDER BY version_id", &versions))
	return append(lines, versions...)
}
