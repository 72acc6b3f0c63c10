package commands_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/models"
	"latchkey/testkit"
)

// sqliteAt returns the URL of a database in a folder of its own, and the folder.
func sqliteAt(t *testing.T) (url, folder string) {
	t.Helper()
	folder = t.TempDir()
	return "sqlite:" + filepath.Join(folder, "test.db"), folder
}

// names returns the names of the files in a folder.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	found := []string{}
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}

func TestBackup_UnderLoadHasWhatWasAcknowledgedBefore(t *testing.T) {
	t.Parallel()
	url, _ := sqliteAt(t)
	environ := with(url, "AUTO_MIGRATE=true")
	server := testkit.Serve(t, environ)
	address, folder := server.Addr(t), t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	var ledger struct {
		sync.Mutex
		emails []string
	}
	var load sync.WaitGroup
	for client := range 3 {
		load.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				email := fmt.Sprintf("c%d-%d@example.com", client, i)
				if status, _, err := testkit.Ask(ctx, address, "signup", "", testkit.Credentials(email)); err == nil && status == http.StatusCreated {
					ledger.Lock()
					ledger.emails = append(ledger.emails, email)
					ledger.Unlock()
				}
			}
		})
	}
	acknowledged := func() []string {
		ledger.Lock()
		defer ledger.Unlock()
		return append([]string(nil), ledger.emails...)
	}
	require.Eventually(t, func() bool { return len(acknowledged()) > 3 }, bound, 5*time.Millisecond)
	before := acknowledged()
	done := run(t, environ, "backup", filepath.Join(folder, "b.db"))
	require.Zero(t, done.code, "%s", done.stderr)
	require.Equal(t, filepath.Join(folder, "b.db")+"\n", done.stdout)
	require.Contains(t, done.stderr, "SECRET_KEY is not in it")
	stop()
	load.Wait()

	var found []string
	backup, err := database.OpenBackup(filepath.Join(folder, "b.db"))
	require.NoError(t, err)
	defer database.Close(backup)
	require.NoError(t, backup.Model(&models.User{}).Pluck("email", &found).Error)
	require.Subset(t, found, before)
	checked := run(t, with(url), "restore", "--check", filepath.Join(folder, "b.db"))
	require.Zero(t, checked.code, "%s%s", checked.stdout, checked.stderr)
	require.Equal(t, []string{"b.db"}, names(t, folder))
}

func TestBackup_KilledLeavesNoHalfFile(t *testing.T) {
	t.Parallel()
	url, _ := sqliteAt(t)
	require.Zero(t, run(t, with(url), "migrate", "up").code)
	db := testkit.OpenAt(t, url)
	require.NoError(t, db.Exec("CREATE TABLE ballast (x blob)").Error)
	require.NoError(t, db.Exec("INSERT INTO ballast VALUES (zeroblob(100000000))").Error)
	folder := t.TempDir()
	process := testkit.Start(t, with(url), "backup", filepath.Join(folder, "b.db"))
	require.Eventually(t, func() bool {
		partial, _ := filepath.Glob(filepath.Join(folder, ".latchkey-backup-*.partial"))
		if len(partial) == 0 {
			return false
		}
		info, err := os.Stat(partial[0])
		return err == nil && info.Size() > 0
	}, bound, time.Millisecond)
	require.NoError(t, process.Command.Process.Kill())
	<-process.Ended
	require.NoFileExists(t, filepath.Join(folder, "b.db"), "the test is too slow to kill it half-way")

	old := time.Now().Add(-48 * time.Hour)
	for _, name := range names(t, folder) {
		require.NoError(t, os.Chtimes(filepath.Join(folder, name), old, old))
	}
	require.Zero(t, run(t, with(url), "backup", filepath.Join(folder, "b.db")).code)
	require.Equal(t, []string{"b.db"}, names(t, folder), "the next backup removes what the killed one left")
}

func TestBackup_KeepsTheNewest(t *testing.T) {
	t.Parallel()
	url, _ := sqliteAt(t)
	require.Zero(t, run(t, with(url), "migrate", "up").code)
	folder := t.TempDir()
	for _, name := range []string{"latchkey-20250101T000000Z.db", "latchkey-20250102T000000Z.db", "latchkey-20250103T000000Z.db",
		"latchkey-99990101T000000Z.db", "latchkey-mine.db", "other.db"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
	failed := run(t, with("sqlite:"+filepath.Join(folder, "none.db")), "backup", "--dir", folder, "--keep", "1")
	require.Equal(t, 1, failed.code)
	require.Contains(t, failed.stderr, "there is no database at")
	require.Len(t, names(t, folder), 6, "a backup that fails deletes nothing")

	done := run(t, with(url, "BACKUP_DIR="+folder), "backup", "--keep", "3")
	require.Zero(t, done.code, "%s", done.stderr)
	made := filepath.Base(strings.TrimSpace(done.stdout))
	require.Regexp(t, `^latchkey-\d{8}T\d{6}Z\.db$`, made)
	require.ElementsMatch(t, []string{made, "latchkey-20250103T000000Z.db", "latchkey-99990101T000000Z.db", "latchkey-mine.db",
		"other.db"}, names(t, folder))
	require.Contains(t, done.stderr, "Deleted latchkey-20250101T000000Z.db.")
}

func TestBackup_OverwritesOnlyWhenTold(t *testing.T) {
	t.Parallel()
	url, folder := sqliteAt(t)
	require.Zero(t, run(t, with(url), "migrate", "up").code)
	path := filepath.Join(folder, "b.db")
	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o644))
	refused := run(t, with(url), "backup", path)
	require.Equal(t, outcome{1, "", "latchkey: " + path + " exists already; --force overwrites it\n"}, refused)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "mine", string(content))
	require.Zero(t, run(t, with(url), "backup", "--force", path).code)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestBackup_NeverOverwritesTheDatabaseItself(t *testing.T) {
	t.Parallel()
	url, folder := sqliteAt(t)
	require.Zero(t, run(t, with(url), "migrate", "up").code)
	path := filepath.Join(folder, "test.db")
	hard, symbolic := filepath.Join(t.TempDir(), "hard.db"), filepath.Join(t.TempDir(), "symbolic.db")
	require.NoError(t, os.Link(path, hard))
	require.NoError(t, os.Symlink(path, symbolic))
	before, err := os.Stat(path)
	require.NoError(t, err)
	for _, target := range []string{path, folder + "/../" + filepath.Base(folder) + "/test.db", hard, symbolic, path + "-wal",
		path + "-shm"} {
		for _, args := range [][]string{{"backup", target}, {"backup", "--force", target}} {
			refused := run(t, with(url), args...)
			require.Equal(t, outcome{1, "", "latchkey: " + target + ": it belongs to the database itself; write the backup to another file\n"},
				refused)
		}
	}
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after))
}

func TestBackup_KeepDoesNotDeleteTheDatabase(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	const named = "latchkey-20250101T000000Z.db"
	url := "sqlite:" + filepath.Join(folder, named)
	require.Zero(t, run(t, with(url), "migrate", "up").code)
	done := run(t, with(url), "backup", "--dir", folder, "--keep", "1")
	require.Zero(t, done.code, "%s", done.stderr)
	require.FileExists(t, filepath.Join(folder, named))
}

func TestBackup_RefusesCommandLines(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		"or set BACKUP_DIR":           {},
		"not both":                    {"--dir", "d", "b.db"},
		"not with FILE":               {"--keep", "3", "b.db"},
		"--keep takes a number from":  {"--dir", "d", "--keep", "-1"},
		"accepts at most 1 arg(s), r": {"a.db", "b.db"},
	} {
		done := run(t, with("sqlite:test.db"), append([]string{"backup"}, args...)...)
		require.Equal(t, 2, done.code, says)
		require.Contains(t, done.stderr, says)
	}
}

func TestBackup_OfPostgreSQLSaysHow(t *testing.T) {
	t.Parallel()
	environ := []string{"APP_ENV=production", "DATABASE_URL=postgres://latchkey:plum-stone@db.example/app?sslmode=require&default_query_exec_mode=exec"}
	done := run(t, environ, "backup", "--dir", "it's")
	require.Equal(t, 3, done.code)
	require.Empty(t, done.stdout)
	require.Regexp(t, `\(umask 077 && pg_dump --format=custom --file='it'\\''s/latchkey-\d{8}T\d{6}Z\.dump' `+
		`'postgres://latchkey@db\.example/app\?sslmode=require'\)`, done.stderr)
	require.Contains(t, done.stderr, "PGPASSWORD")
	require.NotContains(t, done.stderr, "plum-stone")
	done = run(t, environ, "backup")
	require.Equal(t, 3, done.code)
	require.Regexp(t, `--file='latchkey-\d{8}T\d{6}Z\.dump' `, done.stderr)
	require.Contains(t, run(t, environ, "backup", "mine.dump").stderr, "--file='mine.dump' ")
}
