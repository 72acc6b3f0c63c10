package commands_test

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/commands"
	"latchkey/database"
	"latchkey/models"
	"latchkey/testkit"
)

const (
	secretKey     = "vX2mQ8sLr0TzB5nYk7WdPc4GhJ1aEfU6oIiRtMxZsKw="
	otherPassword = "seven grey herons at dusk"
	ann           = "ann@example.com"
	bob           = "bob@example.com"
)

// outcome is what a run of the program left: its exit code, data and talk.
type outcome struct {
	code           int
	stdout, stderr string
}

// with are the settings of a run on the database at url, and more.
func with(url string, settings ...string) []string {
	return append([]string{"DATABASE_URL=" + url, "SECRET_KEY=" + secretKey}, settings...)
}

// run executes the program without a terminal in the current folder, which is empty unless the test changed it, and makes
// sure that it tells no secret.
func run(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	stdin, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer stdin.Close()
	var stdout, stderr bytes.Buffer
	code := commands.Run(args, environ, stdin, &stdout, &stderr)
	tellsNoSecret(t, environ, stdout.String()+stderr.String())
	return outcome{code, stdout.String(), stderr.String()}
}

// tellsNoSecret holds what a program wrote against every secret that a test gave to it.
func tellsNoSecret(t *testing.T, environ []string, text string) {
	t.Helper()
	testkit.RequireNoToken(t, text)
	secrets := []string{testkit.Password, otherPassword, secretKey, "$argon2id$"}
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		switch name {
		case "DATABASE_URL":
			if parsed, err := url.Parse(value); err == nil && parsed.User != nil {
				password, _ := parsed.User.Password()
				secrets = append(secrets, password)
			}
		case "SUPERUSER_PASSWORD", "SECRET_KEY", "JWT_SECRET_KEY", "JWT_PRIVATE_KEY":
			secrets = append(secrets, value)
		}
	}
	for _, secret := range secrets {
		if secret != "" && secret != database.Postgres {
			require.NotContains(t, text, secret)
		}
	}
}

// eachMigrated runs a test on a migrated database of both kinds.
func eachMigrated(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	testkit.EachURL(t, func(t *testing.T, url string) {
		require.Zero(t, run(t, with(url), "migrate", "up").code)
		test(t, url)
	})
}

// users looks into the database at url, past the program.
func users(t *testing.T, url string) []models.User {
	t.Helper()
	db, err := database.Open(url, database.Options{})
	require.NoError(t, err)
	defer database.Close(db)
	var found []models.User
	require.NoError(t, db.Order("email").Find(&found).Error)
	return found
}

// opens tells whether password is the user's.
func opens(t *testing.T, user models.User, password string) bool {
	t.Helper()
	result, err := testkit.FastHasher(t).Verify(t.Context(), password, user.Password)
	require.NoError(t, err)
	return result.Match
}

// addSuperuser makes a superuser whose password is testkit.Password.
func addSuperuser(t *testing.T, url, email string) {
	t.Helper()
	done := run(t, with(url, "SUPERUSER_EMAIL="+email, "SUPERUSER_PASSWORD="+testkit.Password), "createsuperuser", "--no-input")
	require.Zero(t, done.code, "%s", done.stderr)
}

// addUser makes a plain user whose password is testkit.Password.
func addUser(t *testing.T, url, email string) {
	t.Helper()
	db, err := database.Open(url, database.Options{})
	require.NoError(t, err)
	defer database.Close(db)
	_, err = testkit.NewManagers(t, db, testkit.ManagerOptions{}).Users.CreateUser(t.Context(), models.NewUser{Email: email, Password: testkit.Password})
	require.NoError(t, err)
}

// write makes a file in a folder of its own, and gives back its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
