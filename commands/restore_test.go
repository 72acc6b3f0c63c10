package commands_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// backedUp returns the path of the backup of a database with one superuser, whose server has run once, in a folder of its own.
func backedUp(t *testing.T) (path, url string) {
	t.Helper()
	url, _ = sqliteAt(t)
	require.Zero(t, run(t, with(url), "migrate", "up").code)
	addSuperuser(t, url, ann)
	testkit.Serve(t, with(url)).Addr(t)
	path = filepath.Join(t.TempDir(), "b.db")
	require.Zero(t, run(t, with(url), "backup", path).code)
	return path, url
}

// changedCopy returns the path of a copy of a backup after some statements.
func changedCopy(t *testing.T, path string, statements ...string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	copied := write(t, "b.db", string(content))
	db := testkit.OpenAt(t, "sqlite:"+copied)
	for _, statement := range append(statements, "PRAGMA journal_mode = delete") {
		require.NoError(t, db.Exec(statement).Error)
	}
	return copied
}

func TestRestore_CheckReportsAndChangesNothing(t *testing.T) {
	t.Parallel()
	path, url := backedUp(t)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(filepath.Dir(path), 0o500))
	done := run(t, with(url), "restore", "--check", path)
	require.NoError(t, os.Chmod(filepath.Dir(path), 0o700))
	require.Zero(t, done.code, "%s%s", done.stdout, done.stderr)
	require.Regexp(t, `(?s)^file: +\S+b\.db, 0\.\d MiB\nschema: +\d+\nusers: +1\nsuperusers: +1\nsessions: +0\nnewest event: +20`, done.stdout)
	require.Equal(t, "No errors found.\n", done.stderr)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, []string{"b.db"}, names(t, filepath.Dir(path)))
}

func TestRestore_CheckFindsWhatWouldGoWrong(t *testing.T) {
	t.Parallel()
	path, url := backedUp(t)
	checked := func(file string, environ ...string) outcome {
		return run(t, append(with(url), environ...), "restore", "--check", file)
	}
	changed := func(statements ...string) string { return changedCopy(t, path, statements...) }

	wrongKey := checked(path, "SECRET_KEY="+strings.Repeat("another key ", 4))
	require.Equal(t, 1, wrongKey.code)
	require.Contains(t, wrongKey.stdout, "error: signing keys: signing keys in the database were sealed under another SECRET_KEY")
	fallback := checked(path, "SECRET_KEY="+strings.Repeat("another key ", 4), "SECRET_KEY_FALLBACKS="+secretKey)
	require.Zero(t, fallback.code, "%s", fallback.stdout)

	newest := strings.TrimSpace(strings.SplitN(strings.SplitN(fallback.stdout, "schema:", 2)[1], "\n", 2)[0])
	older := checked(changed("DELETE FROM goose_db_version WHERE version_id = " + newest))
	require.Zero(t, older.code, "%s", older.stdout)
	require.Contains(t, older.stdout, "warning: schema: it is older than that of this program\n    After the restore, run: latchkey migrate up\n")

	foreign := checked(changed("DELETE FROM goose_db_version"))
	require.Equal(t, 1, foreign.code)
	require.Contains(t, foreign.stdout, "none of this program")

	content, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := checked(write(t, "b.db", string(content[:len(content)/2])))
	require.Equal(t, 1, damaged.code)
	require.Contains(t, damaged.stdout, "error: integrity: ")
	require.Contains(t, damaged.stdout, "\n    Use an older backup.\n")

	inUse := checked(strings.TrimPrefix(url, "sqlite:"))
	require.Equal(t, 1, inUse.code)
	require.Contains(t, inUse.stdout, "in the write-ahead log beside it")

	neither := checked(write(t, "b.db", "hello"))
	require.Equal(t, 1, neither.code)
	require.Contains(t, neither.stderr, "neither an SQLite database nor a dump")
	require.Equal(t, 1, checked("none.db").code)
}

func TestRestore_OfADumpSaysHow(t *testing.T) {
	t.Parallel()
	dump := write(t, "app.dump", "PGDMP\x01\x0e")
	for _, args := range [][]string{{"restore", dump}, {"restore", "--check", dump}} {
		done := run(t, with("postgres://latchkey:plum-stone@db.example/app"), args...)
		require.Equal(t, 3, done.code)
		require.Contains(t, done.stderr, "pg_restore --list '"+dump+"'")
		require.Contains(t, done.stderr, "createdb --maintenance-db='postgres://postgres@db.example/postgres' --owner='latchkey' ")
		require.Contains(t, done.stderr, "pg_restore --no-owner --single-transaction --dbname='postgres://latchkey@db.example/app_restored'")
		require.NotContains(t, done.stderr, "--clean", "over a database that is in use, newer tables would stay")
		require.NotContains(t, done.stderr, "plum-stone")
	}
}

func TestRestore_BringsTheBackupBack(t *testing.T) {
	t.Parallel()
	path, _ := backedUp(t)
	url, folder := sqliteAt(t)
	require.Zero(t, run(t, with(url), "migrate", "up").code)
	addUser(t, url, bob)

	running := testkit.Serve(t, with(url))
	running.Addr(t)
	refused := run(t, with(url), "restore", "--no-input", path)
	require.Equal(t, 1, refused.code)
	require.Contains(t, refused.stderr, "is in use; stop the service")
	require.Equal(t, bob, users(t, url)[0].Email)
	require.NoError(t, running.Command.Process.Kill())
	<-running.Ended

	unconfirmed := run(t, with(url), "restore", path)
	require.Equal(t, 1, unconfirmed.code)
	require.Contains(t, unconfirmed.stderr, "use --no-input")
	require.Equal(t, bob, users(t, url)[0].Email)

	wrongKey := run(t, with(url, "SECRET_KEY="+strings.Repeat("another key ", 4)), "restore", "--no-input", path)
	require.Equal(t, 1, wrongKey.code)
	require.Contains(t, wrongKey.stderr, "Nothing is restored.")
	require.Equal(t, bob, users(t, url)[0].Email)

	done := run(t, with(url), "restore", "--no-input", path)
	require.Zero(t, done.code, "%s%s", done.stdout, done.stderr)
	require.Contains(t, done.stderr, "endsessions --all")
	require.Equal(t, ann, users(t, url)[0].Email)
	kept, err := filepath.Glob(filepath.Join(folder, "test.db.before-restore-*"))
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, bob, users(t, "sqlite:"+kept[0])[0].Email)
	testkit.Serve(t, with(url)).Addr(t)
}

func TestRestore_ForceOverridesWhatItNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	path, _ := backedUp(t)
	url, _ := sqliteAt(t)
	require.Zero(t, run(t, with(url), "migrate", "up").code)
	addUser(t, url, bob)
	forced := func(file string, environ ...string) outcome {
		return run(t, append(with(url), environ...), "restore", "--no-input", "--force", file)
	}
	orphaned := changedCopy(t, path, "CREATE TABLE parents (id integer PRIMARY KEY)",
		"CREATE TABLE children (parent integer REFERENCES parents (id))",
		"PRAGMA foreign_keys = off; INSERT INTO children VALUES (1); PRAGMA foreign_keys = on")
	incomplete := changedCopy(t, path)
	require.NoError(t, os.WriteFile(incomplete+"-wal", []byte("last writes"), 0o600))
	foreign := changedCopy(t, path, "DELETE FROM goose_db_version")
	for file, says := range map[string]string{
		orphaned: "error: integrity: a row of children", incomplete: "write-ahead log beside it", foreign: "none of this program",
	} {
		refused := forced(file)
		require.Equal(t, 1, refused.code, says)
		require.Contains(t, refused.stdout, says)
		require.Contains(t, refused.stderr, "Nothing is restored, and --force does not override all of that.")
		require.Equal(t, bob, users(t, url)[0].Email)
	}
	newer := changedCopy(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)",
		"UPDATE schema_compatibility SET oldest = 99999")
	require.Contains(t, run(t, with(url), "restore", "--no-input", newer).stderr, "--force restores in spite of")
	overridden := forced(newer, "SECRET_KEY="+strings.Repeat("another key ", 4))
	require.Zero(t, overridden.code, "%s%s", overridden.stdout, overridden.stderr)
	require.Contains(t, overridden.stdout, "error: schema: ")
	require.Contains(t, overridden.stdout, "error: signing keys: ")
	require.Contains(t, overridden.stderr, "is restored.")
}

func TestRestore_NamesTheKeptDatabaseAlsoIfItFails(t *testing.T) {
	t.Parallel()
	path, _ := backedUp(t)
	url, folder := sqliteAt(t)
	target := filepath.Join(folder, "test.db")
	require.NoError(t, os.WriteFile(target, []byte(strings.Repeat("not a database", 1000)), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(target+"-shm", "full"), 0o700))
	failed := run(t, with(url), "restore", "--no-input", path)
	require.Equal(t, 1, failed.code, "%s", failed.stdout)
	kept, err := filepath.Glob(target + ".before-restore-*")
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Contains(t, failed.stderr, "The former database is kept as "+kept[0]+".\n")
}

func TestRestore_RefusesWhatCanNotBe(t *testing.T) {
	t.Parallel()
	path, url := backedUp(t)
	elsewhere := run(t, with("postgres://latchkey@127.0.0.1:1/app"), "restore", "--no-input", path)
	require.Equal(t, 1, elsewhere.code)
	require.Contains(t, elsewhere.stderr, "DATABASE_URL names a PostgreSQL server")
	itself := run(t, with("sqlite:"+path), "restore", "--no-input", path)
	require.Equal(t, 1, itself.code)
	require.Contains(t, itself.stderr, "is the database itself")
	require.Equal(t, 2, run(t, with(url), "restore").code)
}
