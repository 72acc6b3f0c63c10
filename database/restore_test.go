package database_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

// marked returns the path of a backup with a table that others lack.
func marked(t *testing.T) string {
	t.Helper()
	db := testkit.SQLite(t)
	require.NoError(t, db.Exec("CREATE TABLE restored (x integer)").Error)
	_, path := backupOf(t, db)
	return path
}

func isMarked(t *testing.T, db *gorm.DB) bool {
	t.Helper()
	return db.Migrator().HasTable("restored")
}

func TestRestore_ReplacesTheDatabaseAndKeepsTheFormer(t *testing.T) {
	t.Parallel()
	folder, backup := t.TempDir(), marked(t)
	path, kept := filepath.Join(folder, "test.db"), filepath.Join(folder, "former.db")
	migrate(t, "sqlite:"+path)
	isKept, err := database.Restore(t.Context(), "sqlite:"+path, backup, kept, func(float64) {})
	require.NoError(t, err)
	require.True(t, isKept)
	requireOnly(t, folder, "test.db", "former.db", "test.db-lock")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.True(t, isMarked(t, testkit.OpenAt(t, "sqlite:"+path)))
	require.False(t, isMarked(t, openBackup(t, kept)))
	require.True(t, isMarked(t, openBackup(t, backup)), "the backup stays as it is")
}

func TestRestore_WhereThereIsNone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	url := "sqlite:" + filepath.Join(folder, "test.db")
	isKept, err := database.Restore(t.Context(), url, marked(t), filepath.Join(folder, "former.db"), func(float64) {})
	require.NoError(t, err)
	require.False(t, isKept)
	requireOnly(t, folder, "test.db")
	require.True(t, isMarked(t, testkit.OpenAt(t, url)))
}

// SQLite would apply the log of a database that somebody deleted to the one that takes its place.
func TestRestore_WhereOnlyTheLogsAreLeft(t *testing.T) {
	t.Parallel()
	db, folder := testkit.SQLite(t), t.TempDir()
	require.NoError(t, db.Exec("CREATE TABLE t (x integer)").Error)
	log, err := os.ReadFile(strings.TrimPrefix(urlOf(t, db), "sqlite:") + "-wal")
	require.NoError(t, err)
	path, kept := filepath.Join(folder, "test.db"), filepath.Join(folder, "former.db")
	require.NoError(t, os.WriteFile(path+"-wal", log, 0o600))
	require.NoError(t, os.WriteFile(path+"-journal", []byte("a hot one"), 0o600))
	isKept, err := database.Restore(t.Context(), "sqlite:"+path, marked(t), kept, func(float64) {})
	require.NoError(t, err)
	require.False(t, isKept)
	requireOnly(t, folder, "test.db", "former.db-wal", "former.db-journal")
	restored := testkit.OpenAt(t, "sqlite:"+path)
	require.True(t, isMarked(t, restored))
	require.False(t, restored.Migrator().HasTable("t"))
}

func TestRestore_RefusesABackupWhoseLastWritesAreElsewhere(t *testing.T) {
	t.Parallel()
	backup, folder := marked(t), t.TempDir()
	require.NoError(t, os.WriteFile(backup+"-wal", []byte("last writes"), 0o600))
	_, err := database.Restore(t.Context(), "sqlite:"+filepath.Join(folder, "test.db"), backup, filepath.Join(folder, "former.db"),
		func(float64) {})
	require.ErrorIs(t, err, database.ErrIncomplete)
	requireOnly(t, folder)
}

func TestRestore_RefusesWhileTheDatabaseIsOpen(t *testing.T) {
	t.Parallel()
	db, backup := testkit.SQLite(t), marked(t)
	url := urlOf(t, db)
	folder := filepath.Dir(strings.TrimPrefix(url, "sqlite:"))
	_, err := database.Restore(t.Context(), url, backup, filepath.Join(folder, "former.db"), func(float64) {})
	require.ErrorIs(t, err, database.ErrInUse)
	require.NoFileExists(t, filepath.Join(folder, "former.db"))
	require.NoError(t, db.Exec("CREATE TABLE t (x integer)").Error, "who had it open goes on")
}

func TestRestore_KeepsTheFormerIfItExistsAlready(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, kept := filepath.Join(folder, "test.db"), filepath.Join(folder, "former.db")
	migrate(t, "sqlite:"+path)
	require.NoError(t, os.WriteFile(kept, []byte("an earlier one"), 0o600))
	isKept, err := database.Restore(t.Context(), "sqlite:"+path, marked(t), kept, func(float64) {})
	require.ErrorContains(t, err, "exists already")
	require.False(t, isKept)
	require.False(t, isMarked(t, testkit.OpenAt(t, "sqlite:"+path)))
	content, err := os.ReadFile(kept)
	require.NoError(t, err)
	require.Equal(t, "an earlier one", string(content))
}

// The write-ahead log of a database that nobody can open any more would be applied to the one that takes its place.
func TestRestore_OverADamagedDatabase(t *testing.T) {
	t.Parallel()
	db, folder := testkit.SQLite(t), t.TempDir()
	require.NoError(t, db.Exec("CREATE TABLE t (x integer)").Error)
	former := strings.TrimPrefix(urlOf(t, db), "sqlite:")
	path, kept := filepath.Join(folder, "test.db"), filepath.Join(folder, "former.db")
	log, err := os.ReadFile(former + "-wal")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("not a database", 1000)), 0o600))
	require.NoError(t, os.WriteFile(path+"-wal", log, 0o600))
	isKept, err := database.Restore(t.Context(), "sqlite:"+path, marked(t), kept, func(float64) {})
	require.NoError(t, err)
	require.True(t, isKept)
	require.FileExists(t, kept)
	require.NoFileExists(t, path+"-wal")
	restored := testkit.OpenAt(t, "sqlite:"+path)
	require.True(t, isMarked(t, restored))
	require.NoError(t, database.CheckSchema(t.Context(), restored))
}

func TestRestore_RefusesADamagedBackup(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path, damaged := filepath.Join(folder, "test.db"), filepath.Join(t.TempDir(), "damaged.db")
	migrate(t, "sqlite:"+path)
	damage(t, marked(t), damaged)
	_, err := database.Restore(t.Context(), "sqlite:"+path, damaged, filepath.Join(folder, "former.db"), func(float64) {})
	require.Error(t, err)
	requireOnly(t, folder, "test.db", "test.db-lock")
	require.NoError(t, database.CheckSchema(t.Context(), testkit.OpenAt(t, "sqlite:"+path)))
}

func TestOpenBackup_ChangesNothing(t *testing.T) {
	t.Parallel()
	path := marked(t)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	db, err := database.OpenBackup(path)
	require.NoError(t, err)
	require.Error(t, db.Exec("CREATE TABLE t (x integer)").Error)
	version, err := database.Version(t.Context(), db)
	require.NoError(t, err)
	require.Positive(t, version)
	requireOnly(t, filepath.Dir(path), filepath.Base(path))
	require.NoError(t, database.Close(db))
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestOpenBackup_RefusesAFileWhoseLastWritesAreElsewhere(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	require.NoError(t, db.Exec("CREATE TABLE t (x integer)").Error)
	_, err := database.OpenBackup(strings.TrimPrefix(urlOf(t, db), "sqlite:"))
	require.ErrorIs(t, err, database.ErrIncomplete)
}

func TestFaults_FindsRowsWithoutTheirParent(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	require.NoError(t, db.Exec("CREATE TABLE parents (id integer PRIMARY KEY)").Error)
	require.NoError(t, db.Exec("CREATE TABLE children (parent integer REFERENCES parents (id))").Error)
	require.NoError(t, db.Connection(func(tx *gorm.DB) error {
		return tx.Exec("PRAGMA foreign_keys = off; INSERT INTO children VALUES (1); PRAGMA foreign_keys = on").Error
	}))
	faults, err := database.Faults(t.Context(), db)
	require.NoError(t, err)
	require.Equal(t, []string{"a row of children refers to a row of parents that does not exist"}, faults)
}

func TestBackupDialect(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"PGDMP\x01\x0e\x00":                       database.Postgres,
		"--\n-- PostgreSQL database dump\n--\n\n": database.Postgres,
		"SQLite format 3\x00\x10\x00":             database.SQLite,
		"SQLite format 2":                         "",
		"\x1f\x8b\x08":                            "",
		"":                                        "",
	} {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		dialect, err := database.BackupDialect(path)
		require.Equal(t, want, dialect, "%q", content)
		if want == "" {
			require.ErrorIs(t, err, database.ErrNoBackup)
		}
	}
	_, err := database.BackupDialect(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
