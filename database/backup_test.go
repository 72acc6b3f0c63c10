package database_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

// backupOf copies db into a folder of its own, and returns the folder and the path.
func backupOf(t *testing.T, db *gorm.DB) (folder, path string) {
	t.Helper()
	folder = t.TempDir()
	path = filepath.Join(folder, "backup.db")
	require.NoError(t, database.Backup(t.Context(), urlOf(t, db), path, func(float64) {}))
	return folder, path
}

// urlOf returns the URL of an SQLite database.
func urlOf(t *testing.T, db *gorm.DB) string {
	t.Helper()
	var path string
	require.NoError(t, db.Raw("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path).Error)
	return "sqlite:" + path
}

// fill makes a database of some megabytes: as many rows of a page each.
func fill(t *testing.T, db *gorm.DB, rows int) {
	t.Helper()
	require.NoError(t, db.Exec("CREATE TABLE ballast (x blob)").Error)
	require.NoError(t, db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO ballast SELECT randomblob(4000) FROM n`, rows).Error)
}

func openBackup(t *testing.T, path string) *gorm.DB {
	t.Helper()
	db, err := database.OpenBackup(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close(db)) })
	return db
}

func TestBackup_IsOfOneMomentWhileOthersWrite(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	fill(t, db, 1000)
	require.NoError(t, db.Exec("CREATE TABLE a (i integer)").Error)
	require.NoError(t, db.Exec("CREATE TABLE b (i integer)").Error)
	ctx, stop := context.WithCancel(t.Context())
	var acknowledged atomic.Int64
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := int64(1); ctx.Err() == nil; i++ {
			err := db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Exec("INSERT INTO a VALUES (?)", i).Error; err != nil {
					return err
				}
				return tx.Exec("INSERT INTO b VALUES (?)", i).Error
			})
			if err == nil {
				acknowledged.Store(i)
			}
		}
	})
	for i := range 3 {
		before := acknowledged.Load()
		path := filepath.Join(t.TempDir(), "backup.db")
		var shares []float64
		report := func(share float64) { shares = append(shares, share) }
		require.NoError(t, database.Backup(t.Context(), urlOf(t, db), path, report))
		require.IsNonDecreasing(t, shares, "backup %d began anew because of a writer", i)
		var a, b int64
		copied := openBackup(t, path)
		require.NoError(t, copied.Raw("SELECT count(*) FROM a").Scan(&a).Error)
		require.NoError(t, copied.Raw("SELECT count(*) FROM b").Scan(&b).Error)
		require.Equal(t, a, b, "half a transaction is in the backup")
		require.GreaterOrEqual(t, a, before, "what was acknowledged before is in the backup")
	}
	stop()
	writing.Wait()
	require.Positive(t, acknowledged.Load())
}

func TestBackup_IsOneFileThatOnlyItsOwnerReads(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	folder, path := backupOf(t, db)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, []byte{1, 1}, content[18:20], "it needs no write-ahead log: https://sqlite.org/fileformat.html, section 1.3.3")
	copied := openBackup(t, path)
	require.NoError(t, database.CheckSchema(t.Context(), copied))
	faults, err := database.Faults(t.Context(), copied)
	require.NoError(t, err)
	require.Empty(t, faults)
	requireOnly(t, folder, "backup.db")
}

// requireOnly fails the test unless the folder has these files and no others.
func requireOnly(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	require.ElementsMatch(t, names, found)
}

func TestBackup_ReportsHowFarItIs(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	fill(t, db, 600)
	var shares []float64
	report := func(share float64) { shares = append(shares, share) }
	require.NoError(t, database.Backup(t.Context(), urlOf(t, db), filepath.Join(t.TempDir(), "b.db"), report))
	require.Greater(t, len(shares), 2)
	require.IsIncreasing(t, shares)
	require.InDelta(t, 1, shares[len(shares)-1], 0)
}

func TestBackup_ThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	fill(t, db, 600)
	require.NoError(t, db.Exec("PRAGMA wal_checkpoint(TRUNCATE)").Error)
	url, folder := urlOf(t, db), t.TempDir()
	path := filepath.Join(folder, "b.db")

	ctx, cancel := context.WithCancel(t.Context())
	err := database.Backup(ctx, url, path, func(float64) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	requireOnly(t, folder)

	err = database.Backup(t.Context(), "sqlite:"+filepath.Join(folder, "none.db"), path, func(float64) {})
	require.ErrorIs(t, err, database.ErrNoDatabase)
	requireOnly(t, folder)

	damaged := filepath.Join(t.TempDir(), "damaged.db")
	damage(t, strings.TrimPrefix(url, "sqlite:"), damaged)
	err = database.Backup(t.Context(), "sqlite:"+damaged, path, func(float64) {})
	require.Error(t, err)
	requireOnly(t, folder)

	err = database.Backup(t.Context(), url, filepath.Join(folder, "none", "b.db"), func(float64) {})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// damage copies a database with some of its pages overwritten.
func damage(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	for i := 20 * 4096; i < 24*4096; i++ {
		content[i] = byte(i)
	}
	require.NoError(t, os.WriteFile(to, content, 0o600))
}

func TestBackup_NeedsADatabaseOfThisProgram(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	foreign := filepath.Join(folder, "foreign.db")
	db, err := database.Open("sqlite:"+foreign, database.Options{})
	require.NoError(t, err)
	require.NoError(t, db.Exec("CREATE TABLE t (x integer)").Error)
	require.NoError(t, database.Close(db))
	err = database.Backup(t.Context(), "sqlite:"+foreign, filepath.Join(folder, "b.db"), func(float64) {})
	require.ErrorIs(t, err, database.ErrSchemaStale)
	requireOnly(t, folder, "foreign.db")
}

func TestBackup_RefusesAFileOfTheDatabase(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	url := urlOf(t, db)
	path, linked := strings.TrimPrefix(url, "sqlite:"), filepath.Join(t.TempDir(), "linked.db")
	require.NoError(t, os.Symlink(path, linked))
	for _, target := range []string{path, linked, path + "-wal", path + "-journal"} {
		for _, source := range []string{url, "sqlite:" + linked} {
			require.ErrorIs(t, database.Backup(t.Context(), source, target, func(float64) {}), database.ErrOwnFile, "%s to %s", source, target)
		}
	}
	require.NoError(t, db.Exec("CREATE TABLE t (x integer)").Error)
}

func TestRemovePartial_LeavesABackupThatMayBeRunning(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{".latchkey-backup-1.partial", ".latchkey-backup-1.partial-journal", ".latchkey-backup-2.partial", "b.db"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
	old := time.Now().Add(-48 * time.Hour)
	for _, name := range []string{".latchkey-backup-1.partial", ".latchkey-backup-1.partial-journal", "b.db"} {
		require.NoError(t, os.Chtimes(filepath.Join(folder, name), old, old))
	}
	require.NoError(t, database.RemovePartial(folder, time.Now().Add(-24*time.Hour)))
	requireOnly(t, folder, ".latchkey-backup-2.partial", "b.db")
}
