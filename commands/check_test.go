package commands_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestCheck_FindsNothingAndChangesNothing(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		require.Equal(t, outcome{0, "", "No errors found.\n"}, run(t, with(durable(url)), "check"))
		files, err := os.ReadDir(".")
		require.NoError(t, err)
		require.Empty(t, files)
	})
}

// durable returns the URL of a database where a commit is on disk before it is acknowledged, unlike on the tests' own server.
func durable(url string) string {
	if strings.HasPrefix(url, "postgres") {
		return url + "&synchronous_commit=on"
	}
	return url
}

func TestCheck_LeavesAnEmptyFolderEmpty(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"check"}, {"check", "--deploy"}} {
		done := run(t, nil, args...)
		require.Equal(t, len(args)-1, done.code, "%s%s", done.stdout, done.stderr)
		files, err := os.ReadDir(".")
		require.NoError(t, err)
		require.Empty(t, files)
	}
}

func TestCheck_LeavesFilesUnchanged(t *testing.T) {
	t.Chdir(t.TempDir())
	require.Zero(t, run(t, nil, "migrate", "up").code)
	before := folder(t)
	require.Equal(t, outcome{0, "", "No errors found.\n"}, run(t, nil, "check"))
	require.Equal(t, 1, run(t, nil, "check", "--deploy").code)
	require.Equal(t, before, folder(t))
}

// folder returns the contents of the current folder's files, by their names.
func folder(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	files := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(entry.Name())
		require.NoError(t, err)
		files[entry.Name()] = string(content)
	}
	return files
}

func TestCheck_FindsAStaleSchema(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		done := run(t, with(url, "AUTO_MIGRATE=false"), "check")
		require.Equal(t, 1, done.code)
		require.Contains(t, done.stdout, "error: schema: the database schema is out of date")
		require.Contains(t, done.stdout, "\n    Run: latchkey migrate up\n")
		require.Zero(t, run(t, with(url, "AUTO_MIGRATE=true"), "check").code, "serve would migrate it")
		if path := (filepath.Clean(url[len("sqlite:"):])); filepath.IsAbs(path) {
			require.NoFileExists(t, path)
		}
	})
}

func TestCheck_Finds(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	edwards := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	const unreachable = "postgres://latchkey:plum-stone@127.0.0.1:1/latchkey"
	for name, c := range map[string]struct {
		environ []string
		finds   []string
	}{
		"every fault at once": {[]string{"ADDR=nowhere", "DATABASE_URL=mysql://root:plum-stone@db/x", "SECRET_KEY=plum-stone",
			"JWT_VERIFY=false", "PASSWORD_MIN_LENGTH=4"},
			[]string{"error: ADDR: ", "error: DATABASE_URL: ", "error: SECRET_KEY: ", "error: JWT_VERIFY: ", "error: PASSWORD_MIN_LENGTH: "}},
		"an unreachable database": {with(unreachable),
			[]string{"error: DATABASE_URL: ", "Check that postgres://latchkey:xxxxx@127.0.0.1:1/latchkey can be reached"}},
		"an unreachable database beside a warning": {with(unreachable, "SECRET_KEYS=1"),
			[]string{"warning: settings: ", "SECRET_KEYS", "error: DATABASE_URL: "}},
		"a folder that is not there": {with("sqlite:/no/such/folder/x.db", "AUTO_MIGRATE=false"), []string{"error: schema: "}},
		"a key of another algorithm": {with("sqlite:test.db", "JWT_ALGORITHM=ES256", "JWT_PRIVATE_KEY="+edwards),
			[]string{"error: JWT_PRIVATE_KEY: the key that signs tokens: ", "Give the PEM of a key that fits JWT_ALGORITHM"}},
		"not a PEM": {with("sqlite:test.db", "JWT_ALGORITHM=EdDSA", "JWT_PRIVATE_KEY=plum-stone"),
			[]string{"error: JWT_PRIVATE_KEY: is not a PEM"}},
		"a PEM of something else": {with("sqlite:test.db", "JWT_ALGORITHM=EdDSA",
			"JWT_PRIVATE_KEY_FILE="+write(t, "key.pem", "-----BEGIN PRIVATE KEY-----\ncGx1bS1zdG9uZQ==\n-----END PRIVATE KEY-----\n")),
			[]string{"error: JWT_PRIVATE_KEY: "}},
	} {
		t.Run(name, func(t *testing.T) {
			done := run(t, c.environ, "check")
			require.Equal(t, 1, done.code, "%s", done.stdout)
			for _, finds := range c.finds {
				require.Contains(t, done.stdout, finds)
			}
			require.NotContains(t, done.stdout+done.stderr, "plum-stone")
			require.Empty(t, done.stderr)
			files, err := os.ReadDir(".")
			require.NoError(t, err)
			require.Empty(t, files)
		})
	}
}

func TestCheck_Deploy(t *testing.T) {
	t.Parallel()
	development := run(t, []string{"SECRET_KEY=changeme-changeme-changeme-changeme", "JWT_ALGORITHM=HS256"}, "check", "--deploy")
	require.Equal(t, 1, development.code)
	for _, finding := range []string{
		"error: APP_ENV: ", "error: SECRET_KEY: ", "error: PUBLIC_URL: ", "warning: TRUSTED_PROXIES: ", "warning: DATABASE_URL: ",
		"warning: JWT_ALGORITHM: ", "warning: PASSWORD_MIN_LENGTH: ", "error: SMTP_URL: ",
	} {
		require.Contains(t, development.stdout, finding)
	}
	require.NotContains(t, development.stdout, "changeme")

	eachMigrated(t, func(t *testing.T, url string) {
		settings := with(url, "APP_ENV=production", "PUBLIC_URL=https://auth.example.com", "PASSWORD_MIN_LENGTH=15",
			"JWT_ALGORITHM=HS256", "SMTP_URL=none")
		production := run(t, settings, "check", "--deploy")
		require.Zero(t, production.code, "%s", production.stdout)
		require.NotContains(t, production.stdout, "error:")
		require.Contains(t, production.stdout, "warning: JWT_ALGORITHM: ")
		require.NotContains(t, production.stdout, "PASSWORD_MIN_LENGTH")
		require.Equal(t, "No errors found.\n", production.stderr)
	})
}

func TestCheck_ReadsTheSecretKeyThatAnEarlierRunCreated(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("latchkey.db.secret", []byte("short"), 0o600))
	done := run(t, nil, "check")
	require.Equal(t, 1, done.code, "%s", done.stdout)
	require.Contains(t, done.stdout, "error: SECRET_KEY: ")
	require.NotContains(t, done.stdout, "short\n")
}

const production = "APP_ENV=production"

func TestCheck_JudgesTheHashCostsTogether(t *testing.T) {
	t.Parallel()
	safe := []string{production, "PUBLIC_URL=https://auth.example.com", "SECRET_KEY=" + secretKey,
		"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "test.db"), "SMTP_URL=none"}
	for name, c := range map[string]struct {
		settings []string
		finds    string
	}{
		"too much argon2": {[]string{"PASSWORD_ARGON2_MEMORY=131072", "PASSWORD_ARGON2_TIME=9"}, "too expensive"},
		"too much scrypt": {[]string{"PASSWORD_HASH=scrypt", "PASSWORD_SCRYPT_N=1048576"}, "too expensive"},
		"weak argon2":     {[]string{production, "PASSWORD_ARGON2_TIME=1"}, "OWASP"},
		"weak bcrypt":     {[]string{production, "PASSWORD_HASH=bcrypt", "PASSWORD_BCRYPT_COST=9"}, "OWASP"},
		"weak scrypt":     {[]string{production, "PASSWORD_HASH=scrypt", "PASSWORD_SCRYPT_P=2"}, "OWASP"},
		"weak pbkdf2":     {[]string{production, "PASSWORD_HASH=pbkdf2_sha256", "PASSWORD_PBKDF2_ITERATIONS=599999"}, "OWASP"},
	} {
		t.Run(name, func(t *testing.T) {
			environ := append(safe[:len(safe):len(safe)], c.settings...)
			if c.finds != "OWASP" {
				environ[0] = "APP_ENV=development"
			}
			done := run(t, environ, "check")
			require.Contains(t, done.stdout, "error: PASSWORD_HASH: ")
			require.Contains(t, done.stdout, c.finds)
			require.Contains(t, done.stdout, "\n    Run: latchkey passwords calibrate\n")
			require.Equal(t, 1, done.code)
			serve := run(t, append(environ, "AUTO_MIGRATE=true"), "serve")
			require.Equal(t, 1, serve.code)
			require.Contains(t, serve.stderr, c.finds)

			environ[0] = "APP_ENV=development"
			for i, setting := range environ {
				if setting == production {
					environ[i] = "APP_ENV=development"
				}
			}
			deploy := run(t, environ, "check", "--deploy")
			require.Equal(t, 1, strings.Count(deploy.stdout, "error: PASSWORD_HASH: "), "%s", deploy.stdout)
		})
	}
}
