package database_test

import (
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

// tree returns migrations for both dialects, numbered from 1, each given as "up | down" statements.
func tree(migrations ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i, migration := range migrations {
		up, down, _ := strings.Cut(migration, "|")
		text := fmt.Sprintf("-- +goose Up\n%s\n-- +goose Down\n%s\n", up, down)
		for _, dialect := range []string{database.SQLite, database.Postgres} {
			files[fmt.Sprintf("%s/%05d_number_%d.sql", dialect, i+1, i+1)] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return files
}

func migrator(t *testing.T, url string, migrations fs.FS) *database.Migrator {
	t.Helper()
	m, err := database.NewMigratorFrom(url, migrations, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func open(t *testing.T, url string) func(sql string, dest any) error {
	t.Helper()
	db, err := database.Open(url, database.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close(db)) })
	return func(sql string, dest any) error {
		if dest == nil {
			return db.Exec(sql).Error
		}
		return db.Raw(sql).Scan(dest).Error
	}
}

const (
	makeA = "CREATE TABLE a (id integer PRIMARY KEY); | DROP TABLE a;"
	makeB = "CREATE TABLE b (id integer PRIMARY KEY); | DROP TABLE b;"
)

func TestMigrator_UpDownStatusCheck(t *testing.T) {
	testkit.EachURL(t, func(t *testing.T, url string) {
		m := migrator(t, url, tree(makeA, makeB))
		err := m.Check(t.Context())
		require.ErrorIs(t, err, database.ErrSchemaStale)
		require.ErrorContains(t, err, "2 migrations are pending; run `latchkey migrate up`")
		status, err := m.Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, []database.Migration{
			{Version: 1, Name: "number_1", Known: true}, {Version: 2, Name: "number_2", Known: true},
		}, status)

		applied, err := m.Up(t.Context())
		require.NoError(t, err)
		require.Len(t, applied, 2)
		require.Equal(t, "number_1", applied[0].Name)
		require.EqualValues(t, 2, applied[1].Version)
		require.NoError(t, m.Check(t.Context()))
		applied, err = m.Up(t.Context())
		require.NoError(t, err)
		require.Empty(t, applied)

		down, err := m.Down(t.Context())
		require.NoError(t, err)
		require.Equal(t, "number_2", down.Name)
		require.ErrorContains(t, m.Check(t.Context()), "1 migration is pending")
		_, err = m.Down(t.Context())
		require.NoError(t, err)
		down, err = m.Down(t.Context())
		require.NoError(t, err)
		require.Nil(t, down, "nothing is left to roll back")
	})
}

func TestMigrator_LeavesANewerDatabaseAlone(t *testing.T) {
	testkit.EachURL(t, func(t *testing.T, url string) {
		_, err := migrator(t, url, tree(makeA, makeB)).Up(t.Context())
		require.NoError(t, err)
		old := migrator(t, url, tree(makeA))
		err = old.Check(t.Context())
		require.ErrorIs(t, err, database.ErrSchemaNewer)
		require.ErrorContains(t, err, "migration 2")
		_, err = old.Up(t.Context())
		require.ErrorIs(t, err, database.ErrSchemaNewer)
		_, err = old.Down(t.Context())
		require.ErrorIs(t, err, database.ErrSchemaNewer)
		status, err := old.Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, database.Migration{Version: 2, Applied: true}, status[1])
	})
}

// Replicas that start at the same time migrate once, and no one fails.
func TestMigrator_Up_Concurrently(t *testing.T) {
	const replicas = 3
	const slow = "CREATE TABLE c AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 50000) " +
		"SELECT x FROM n; | DROP TABLE c;"
	testkit.EachURL(t, func(t *testing.T, url string) {
		_, err := migrator(t, url, tree(makeA)).Up(t.Context())
		require.NoError(t, err)
		counts, failures := make([]int, replicas), make([]error, replicas)
		var group sync.WaitGroup
		begin := make(chan struct{})
		for i := range replicas {
			m := migrator(t, url, tree(makeA, slow, "INSERT INTO a VALUES (1); | DELETE FROM a;", makeB))
			require.ErrorIs(t, m.Check(t.Context()), database.ErrSchemaStale) // its connection is open
			group.Go(func() {
				<-begin
				applied, err := m.Up(t.Context())
				counts[i], failures[i] = len(applied), err
			})
		}
		close(begin)
		group.Wait()
		total := 0
		for i := range replicas {
			require.NoError(t, failures[i])
			total += counts[i]
		}
		require.Equal(t, 3, total)
	})
}

func TestMigrator_Up_NamesAndUndoesAFailedMigration(t *testing.T) {
	testkit.EachURL(t, func(t *testing.T, url string) {
		m := migrator(t, url, tree(makeA, "INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1);|"))
		applied, err := m.Up(t.Context())
		require.ErrorContains(t, err, "migration 00002_number_2.sql was not applied")
		require.Len(t, applied, 1)
		var rows int
		require.NoError(t, open(t, url)("SELECT count(*) FROM a", &rows))
		require.Zero(t, rows)
		require.ErrorContains(t, m.Check(t.Context()), "1 migration is pending")
	})
}

func TestMigrator_Up_ExplainsATableThatExists(t *testing.T) {
	testkit.EachURL(t, func(t *testing.T, url string) {
		require.NoError(t, open(t, url)("CREATE TABLE users (id integer)", nil))
		m := migrator(t, url, database.Migrations())
		_, err := m.Up(t.Context())
		require.ErrorContains(t, err, "something other than these migrations made it; is this the right database?")
		require.ErrorIs(t, m.Check(t.Context()), database.ErrSchemaStale)
	})
}

// SQLite alters a table by rebuilding it; children must neither be deleted with the old table nor lose their parent.
func TestMigrator_Up_RebuildKeepsChildren(t *testing.T) {
	const parents = `CREATE TABLE parents (id integer PRIMARY KEY);
CREATE TABLE children (id integer, parent integer NOT NULL REFERENCES parents (id) ON DELETE CASCADE);|`
	const rebuild = `CREATE TABLE new_parents (id integer PRIMARY KEY, name text);
INSERT INTO new_parents (id) SELECT id FROM parents;
DROP TABLE parents;
ALTER TABLE new_parents RENAME TO parents;|`
	url := "sqlite:" + t.TempDir() + "/test.db"
	_, err := migrator(t, url, tree(parents)).Up(t.Context())
	require.NoError(t, err)
	run := open(t, url)
	require.NoError(t, run("INSERT INTO parents VALUES (7)", nil))
	require.NoError(t, run("INSERT INTO children VALUES (1, 7)", nil))

	_, err = migrator(t, url, tree(parents, rebuild)).Up(t.Context())
	require.NoError(t, err)
	var children int
	require.NoError(t, run("SELECT count(*) FROM children", &children))
	require.Equal(t, 1, children)
	require.Error(t, run("INSERT INTO children VALUES (2, 8)", nil), "foreign keys are on for the program")

	_, err = migrator(t, url, tree(parents, rebuild, "DELETE FROM parents;|")).Up(t.Context())
	require.ErrorContains(t, err, "row 1 of children refers to a row of parents that does not exist")
}

func TestMigrations_ArePaired(t *testing.T) {
	var names [2][]string
	for i, dialect := range []string{database.SQLite, database.Postgres} {
		folder, err := fs.Sub(database.Migrations(), dialect)
		require.NoError(t, err)
		names[i], err = fs.Glob(folder, "*")
		require.NoError(t, err)
	}
	require.NotEmpty(t, names[0])
	require.Equal(t, names[0], names[1])
}
