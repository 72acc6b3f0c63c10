package database_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

// smallDisk mounts a file system of some KiB in memory, which only root may.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	folder := t.TempDir()
	err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("only root may mount a file system that is full")
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, 0)) })
	return folder
}

func TestBackup_OntoAFullDiskLeavesNothing(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t)
	fill(t, db, 600)
	full := smallDisk(t, "1m")
	require.Error(t, database.Backup(t.Context(), urlOf(t, db), filepath.Join(full, "b.db"), func(float64) {}))
	requireOnly(t, full)
}

func TestRestore_OntoAFullDiskChangesNothing(t *testing.T) {
	t.Parallel()
	full := smallDisk(t, "2m")
	url := "sqlite:" + filepath.Join(full, "test.db")
	migrate(t, url)
	db := testkit.SQLite(t)
	fill(t, db, 600)
	_, backup := backupOf(t, db)
	_, err := database.Restore(t.Context(), url, backup, filepath.Join(full, "former.db"), func(float64) {})
	require.Error(t, err)
	requireOnly(t, full, "test.db", "test.db-lock")
	require.NoError(t, database.CheckSchema(t.Context(), testkit.OpenAt(t, url)))
}

func TestFreeSpace_IsThatOfTheDisk(t *testing.T) {
	t.Parallel()
	free, known := database.FreeSpace(smallDisk(t, "1m"))
	require.True(t, known)
	require.LessOrEqual(t, free, uint64(1<<20))
	require.Positive(t, free)
	_, known = database.FreeSpace(filepath.Join(t.TempDir(), "none"))
	require.False(t, known)
}
