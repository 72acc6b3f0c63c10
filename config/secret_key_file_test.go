package config_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func onSQLite(t testing.TB, dir string) config.Settings {
	t.Helper()
	return load(t, "DATABASE_URL=sqlite:"+filepath.Join(dir, "latchkey.db"))
}

func TestEnsureSecretKey_MakesItOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := onSQLite(t, dir), onSQLite(t, dir)
	path := filepath.Join(dir, "latchkey.db.secret")

	created, err := config.EnsureSecretKey(&first)
	require.NoError(t, err)
	require.Equal(t, path, created)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	require.Len(t, first.SecretKey.Reveal(), 64, "48 bytes as base64")

	created, err = config.EnsureSecretKey(&second)
	require.NoError(t, err)
	require.Empty(t, created)
	require.Equal(t, first.SecretKey, second.SecretKey)

	other := onSQLite(t, t.TempDir())
	_, err = config.EnsureSecretKey(&other)
	require.NoError(t, err)
	require.NotEqual(t, first.SecretKey, other.SecretKey)
}

func TestEnsureSecretKey_KeepsOneThatIsSet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	settings := onSQLite(t, dir)
	settings.SecretKey = config.NewSecret(strongKey)
	created, err := config.EnsureSecretKey(&settings)
	require.NoError(t, err)
	require.Empty(t, created)
	require.Equal(t, strongKey, settings.SecretKey.Reveal())
	requireOnly(t, dir)
}

func TestEnsureSecretKey_OnlyInDevelopmentOnSQLite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inProduction, onPostgres := onSQLite(t, dir), onSQLite(t, dir)
	inProduction.Environment = config.Production
	onPostgres.Database.URL = config.NewSecret("postgres://localhost/latchkey")
	for _, settings := range []config.Settings{inProduction, onPostgres} {
		_, err := config.EnsureSecretKey(&settings)
		require.ErrorIs(t, err, config.ErrNoSecretKey)
		require.False(t, settings.SecretKey.IsSet())
	}
	requireOnly(t, dir)
}

func TestEnsureSecretKey_RefusesAnUnsafeFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	for name, test := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"readable by the group": {strongKey, 0o640, "run: chmod 600 "},
		"readable by all":       {strongKey, 0o604, "run: chmod 600 "},
		"writable by all":       {strongKey, 0o602, "run: chmod 600 "},
		"empty":                 {"", 0o600, "holds 0 bytes and needs 32"},
		"too short":             {"HUSH" + strings.Repeat(" ", 40), 0o600, "holds 4 bytes and needs 32"},
		"too large":             {strings.Repeat("x", 64*1024+1), 0o600, "larger than 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "latchkey.db.secret")
			require.NoError(t, os.WriteFile(path, []byte(test.content), 0o600))
			require.NoError(t, os.Chmod(path, test.mode))
			settings := onSQLite(t, dir)
			_, err := config.EnsureSecretKey(&settings)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "HUSH")
			require.False(t, settings.SecretKey.IsSet())
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, test.content, string(content), "a refused file is left as it is")
		})
	}
	t.Run("no folder", func(t *testing.T) {
		settings := onSQLite(t, filepath.Join(t.TempDir(), "missing"))
		_, err := config.EnsureSecretKey(&settings)
		require.ErrorContains(t, err, "folder of the SQLite database does not exist")
	})
	t.Run("a folder", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "latchkey.db.secret"), 0o700))
		settings := onSQLite(t, dir)
		_, err := config.EnsureSecretKey(&settings)
		require.ErrorContains(t, err, "not a regular file")
	})
}

func TestEnsureSecretKey_GoroutinesAgreeOnOne(t *testing.T) {
	t.Parallel()
	for range 20 {
		dir := t.TempDir()
		settings := make([]config.Settings, 16)
		created := make([]string, len(settings))
		errs := make([]error, len(settings))
		start := make(chan struct{})
		var done sync.WaitGroup
		for i := range settings {
			settings[i] = onSQLite(t, dir)
			done.Go(func() {
				<-start
				created[i], errs[i] = config.EnsureSecretKey(&settings[i])
			})
		}
		close(start)
		done.Wait()
		for i := range settings {
			require.NoError(t, errs[i])
			require.Equal(t, settings[0].SecretKey, settings[i].SecretKey)
		}
		require.Len(t, strings.Join(created, ""), len(filepath.Join(dir, "latchkey.db.secret")), "one of them made it")
		requireOnly(t, dir, "latchkey.db.secret")
	}
}

func TestEnsureSecretKey_ProcessesAgreeOnOne(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	processes := make([]*exec.Cmd, 8)
	keys := make([]bytes.Buffer, len(processes))
	for i := range processes {
		processes[i] = exec.CommandContext(t.Context(), program)
		processes[i].Env = append(os.Environ(), ensureIn+"="+dir)
		processes[i].Stdout = &keys[i]
		require.NoError(t, processes[i].Start())
	}
	for i := range processes {
		require.NoError(t, processes[i].Wait())
		require.Len(t, keys[i].String(), 64)
		require.Equal(t, keys[0].String(), keys[i].String())
	}
	requireOnly(t, dir, "latchkey.db.secret")
}

// requireOnly makes sure that the folder holds these files and no drafts.
func requireOnly(t testing.TB, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := []string{}
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	require.ElementsMatch(t, names, found)
}
