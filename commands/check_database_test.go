package commands_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// migrated returns the URL of a migrated PostgreSQL database.
func migrated(t *testing.T) string {
	t.Helper()
	url, err := testkit.Cluster(t).CreateDatabase(t.Context())
	require.NoError(t, err)
	require.Zero(t, run(t, with(url), "migrate", "up").code)
	return url
}

func TestCheck_NoticesAPooler(t *testing.T) {
	t.Parallel()
	url := testkit.PgBouncer(t, migrated(t), "transaction")
	found := run(t, with(url), "check")
	require.Equal(t, 1, found.code, "%s", found.stdout)
	require.Contains(t, found.stdout, "error: pooler: DATABASE_URL leads to a connection pooler in transaction mode")
	require.Contains(t, found.stdout, "default_query_exec_mode=exec")
	done := run(t, with(url+"&default_query_exec_mode=exec"), "check")
	require.Zero(t, done.code, "%s", done.stdout)
	require.NotContains(t, done.stdout, "pooler")
}

func TestCheck_JudgesHowCommitsAreKept(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	found := run(t, with(url+"&synchronous_commit=off"), "check")
	require.Zero(t, found.code)
	require.Contains(t, found.stdout, "warning: replication: synchronous_commit is off")
	require.NotContains(t, run(t, with(durable(url)), "check").stdout, "replication")
}

func TestCheck_RefusesAnotherEncoding(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseOfEncoding(t, "LATIN1")
	const says = "the database's encoding has to be UTF8, and it is LATIN1"
	checked := run(t, with(url), "check")
	require.Equal(t, 1, checked.code)
	require.Contains(t, checked.stdout, "error: encoding: "+says+"\n    Create another database")
	for _, args := range [][]string{{"migrate", "up"}, {"migrate", "status"}, {"serve"}} {
		refused := run(t, with(url), args...)
		require.Equal(t, outcome{1, "", "latchkey: " + says + "\n"}, refused)
	}
}

func TestCheck_SeesTheAgeOfTheBackups(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	url, _ := sqliteAt(t)
	require.Zero(t, run(t, with(url), "migrate", "up").code)
	found := func(dir string) string {
		done := run(t, with(url, "BACKUP_DIR="+dir), "check")
		require.Zero(t, done.code)
		return done.stdout
	}
	require.Contains(t, found(filepath.Join(folder, "none")), "warning: BACKUP_DIR: can't be read: ")
	for name, content := range map[string]string{".latchkey-backup-1.partial": "half", "app.dump.partial": "half", "empty.dump": ""} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	require.Contains(t, found(folder), "warning: BACKUP_DIR: has no backup in it")
	path := filepath.Join(folder, "app.dump")
	require.NoError(t, os.WriteFile(path, []byte("whole"), 0o600))
	age := func(age time.Duration) {
		written := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(path, written, written))
	}
	age(30 * time.Hour)
	require.Contains(t, found(folder), "warning: BACKUP_DIR: has no backup that is younger than 30 h")
	age(25 * time.Hour)
	require.NotContains(t, found(folder), "BACKUP_DIR", "the next one of a daily job is only an hour late")
	age(30 * time.Hour)
	require.Zero(t, run(t, with(url, "BACKUP_DIR="+folder), "backup").code)
	require.NotContains(t, found(folder), "BACKUP_DIR")
}

func TestCheck_FindsSigningKeysOfAnotherSecretKey(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		testkit.Serve(t, with(url)).Addr(t)
		require.Zero(t, run(t, with(url), "check").code)
		done := run(t, with(url, "SECRET_KEY="+strings.Repeat("another key ", 4)), "check")
		require.Equal(t, 1, done.code)
		require.Contains(t, done.stdout, "error: signing keys: ")
	})
}

func TestCheck_DeployCountsTheSuperusers(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		deploy := func() string { return run(t, with(url), "check", "--deploy").stdout }
		require.Contains(t, deploy(), "warning: superusers: there is none\n    Run: latchkey createsuperuser\n")
		addSuperuser(t, url, ann)
		require.Contains(t, deploy(), "warning: superusers: there is only one")
		addSuperuser(t, url, bob)
		require.NotContains(t, deploy(), "superusers")
		require.NotContains(t, run(t, with(url), "check").stdout, "superusers")
	})
}

func TestCheck_DeployTriesTheServersThatTheSettingsName(t *testing.T) {
	t.Parallel()
	redis := testkit.NewRedis(t)
	url, _ := sqliteAt(t)
	settings := with(url, "AUTO_MIGRATE=true", "MAIL_FROM=a@b.example", "SMTP_URL=smtp://ann:plum-stone@127.0.0.1:1",
		"REDIS_URL=redis://:plum-stone@127.0.0.1:1")
	found := run(t, settings, "check", "--deploy")
	require.Contains(t, found.stdout, "error: mail server: mail: ")
	require.Contains(t, found.stdout, "error: Redis: connect to Redis: ")
	require.NotContains(t, found.stdout, "plum-stone")
	require.NotContains(t, run(t, settings, "check").stdout, "Redis")
	require.NotContains(t, run(t, append(settings, "REDIS_URL="+redis.URL), "check", "--deploy").stdout, "Redis:")
}
