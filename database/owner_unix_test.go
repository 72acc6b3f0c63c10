//go:build unix

package database_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/database"
)

// requireOwned fails the test unless a file has this owner, group and mode.
func requireOwned(t *testing.T, path string, uid, gid uint32, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	require.Equal(t, []uint32{uid, gid}, []uint32{owner.Uid, owner.Gid})
	require.Equal(t, mode, info.Mode().Perm())
}

// The service has to open what an administrator restored, and it runs as another user.
func TestRestore_GivesTheDatabaseToItsFormerOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	const uid, gid = 12345, 23456
	folder, backup := t.TempDir(), marked(t)
	path := filepath.Join(folder, "test.db")
	migrate(t, "sqlite:"+path)
	require.NoError(t, os.Chown(path, uid, gid))
	require.NoError(t, os.Chmod(path, 0o640))
	_, err := database.Restore(t.Context(), "sqlite:"+path, backup, filepath.Join(folder, "former.db"), func(float64) {})
	require.NoError(t, err)
	requireOwned(t, path, uid, gid, 0o640)

	require.NoError(t, os.Chown(folder, uid+1, gid+1))
	fresh := filepath.Join(folder, "fresh.db")
	_, err = database.Restore(t.Context(), "sqlite:"+fresh, backup, filepath.Join(folder, "none.db"), func(float64) {})
	require.NoError(t, err)
	requireOwned(t, fresh, uid+1, gid+1, 0o600)
}
