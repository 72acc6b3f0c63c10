package commands_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/commands"
	"latchkey/database"
	"latchkey/models"
	"latchkey/testkit"
)

const (
	secretKey     = testkit.ProgramSecretKey
	otherPassword = testkit.OtherPassword
	bound         = testkit.Patience
	ann           = "ann@example.com"
	bob           = "bob@example.com"
)

// TestMain runs the tests in an empty folder that they share; a command that left a file there fails them all.
func TestMain(m *testing.M) {
	empty, err := os.MkdirTemp("", "latchkey-test-")
	if err != nil {
		panic(err)
	}
	if err := os.Chdir(empty); err != nil {
		panic(err)
	}
	code := testkit.Run(m)
	if err := os.Remove(empty); err != nil {
		fmt.Fprintln(os.Stderr, "a command left a file in the folder it ran in:", err)
		code = 1
	}
	os.Exit(code)
}

// outcome is the result of a run: its exit code and what it wrote.
type outcome struct {
	code           int
	stdout, stderr string
}

// with returns the environment of a run on the database at url, with further settings, which are NAME=value.
func with(url string, settings ...string) []string { return testkit.Environ(url, settings...) }

// run executes the program without a terminal in the current folder, which is empty unless the test changed it, and checks
// that it reveals no secret.
func run(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	stdin, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer stdin.Close()
	var stdout, stderr bytes.Buffer
	code := commands.Run(args, environ, stdin, &stdout, &stderr)
	testkit.TellsNoSecret(t, environ, stdout.String()+stderr.String())
	return outcome{code, stdout.String(), stderr.String()}
}

// eachMigrated runs a test on a migrated database of both kinds.
func eachMigrated(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	testkit.EachURL(t, func(t *testing.T, url string) {
		require.Zero(t, run(t, with(url), "migrate", "up").code)
		test(t, url)
	})
}

// users reads the users from the database at url, by email, without the program.
func users(t *testing.T, url string) []models.User {
	t.Helper()
	db, err := database.Open(url, database.Options{})
	require.NoError(t, err)
	defer database.Close(db)
	var found []models.User
	require.NoError(t, db.Order("email").Find(&found).Error)
	return found
}

// opens reports whether password is the user's.
func opens(t *testing.T, user models.User, password string) bool {
	t.Helper()
	result, err := testkit.FastHasher(t).Verify(t.Context(), password, user.Password)
	require.NoError(t, err)
	return result.Match
}

// addSuperuser creates a superuser whose password is testkit.Password.
func addSuperuser(t *testing.T, url, email string) {
	t.Helper()
	done := run(t, with(url, "SUPERUSER_EMAIL="+email, "SUPERUSER_PASSWORD="+testkit.Password), "createsuperuser", "--no-input")
	require.Zero(t, done.code, "%s", done.stderr)
}

// addUser creates a plain user whose password is testkit.Password.
func addUser(t *testing.T, url, email string) {
	t.Helper()
	db, err := database.Open(url, database.Options{})
	require.NoError(t, err)
	defer database.Close(db)
	_, err = testkit.NewManagers(t, db, testkit.ManagerOptions{}).Users.CreateUser(t.Context(), models.NewUser{Email: email, Password: testkit.Password})
	require.NoError(t, err)
}

// write creates a file in a folder of its own, and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
