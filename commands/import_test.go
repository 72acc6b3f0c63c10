package commands_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/commands"
	"latchkey/testkit"
)

// djangoHash has the form of a hash of Django 3.2, with one iteration.
const djangoHash = "pbkdf2_sha256$1$seasalt$0123456789abcdef0123456789abcdef0123456789A="

// dumpOf returns what dumpdata writes for users with these emails, and keys from 1 on.
func dumpOf(emails ...string) string {
	var objects []string
	for i, email := range emails {
		objects = append(objects, fmt.Sprintf(`{"model": "users.user", "pk": %d, "fields": {"password": %q, "last_login": null,
			"is_superuser": false, "first_name": "Ann", "last_name": "", "email": %q, "is_staff": false, "is_active": true,
			"date_joined": "2019-04-01T08:00:00Z"}}`, i+1, djangoHash, email))
	}
	return "[" + strings.Join(objects, ",") + "]"
}

// runWith executes the program with a text on its standard input.
func runWith(t *testing.T, environ []string, text string, args ...string) outcome {
	t.Helper()
	stdin, err := os.Open(write(t, "stdin", text))
	require.NoError(t, err)
	defer stdin.Close()
	var stdout, stderr bytes.Buffer
	code := commands.Run(args, environ, stdin, &stdout, &stderr)
	testkit.TellsNoSecret(t, environ, stderr.String())
	return outcome{code, stdout.String(), stderr.String()}
}

// Accounts may pass addresses on to each other, in any order of their keys. A rehearsal reports what the import then does.
func TestImport_AddressesThatWerePassedOn(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		require.Zero(t, runWith(t, with(url), dumpOf(ann, bob, "cat@example.com", "dan@example.com", "eve@example.com"),
			"import", "django", "--from", "-").code)
		later := dumpOf(bob, "cat@example.com", "new@example.com", "eve@example.com", "dan@example.com", ann)
		for _, flags := range [][]string{{"--dry-run"}, nil} {
			done := runWith(t, with(url), later, append([]string{"import", "django", "--from", "-"}, flags...)...)
			require.Zero(t, done.code, "%s", done.stderr)
			for _, line := range []string{
				"         1 imported\n         3 updated\n         0 unchanged\n         2 refused\n",
				"id 4: an account that was imported before has this email address, perhaps in another case: id 5",
				"id 5: an account that was imported before has this email address, perhaps in another case: id 4",
			} {
				require.Contains(t, done.stdout, line)
			}
		}
		emails := map[int64]string{}
		for _, user := range users(t, url) {
			emails[*user.LegacyID] = user.Email
		}
		require.Equal(t, map[int64]string{
			1: bob, 2: "cat@example.com", 3: "new@example.com", 4: "dan@example.com", 5: "eve@example.com", 6: ann,
		}, emails)
	})
}

// A spreadsheet must not run a formula that someone signed up with as their address.
func TestImport_RejectsHoldNoFormula(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		path := filepath.Join(t.TempDir(), "refused.csv")
		done := run(t, with(url), "import", "django", "--from", write(t, "dump.json", dumpOf("=1+1", "@SUM", "-1")), "--rejects", path)
		require.Zero(t, done.code, "%s", done.stderr)
		listed, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Regexp(t, `(?s)id 1,'=1\+1,.*id 2,'@SUM,.*id 3,'-1,`, string(listed))
	})
}

func TestImport_CutShortSaysSoAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		dump := dumpOf(ann, bob)
		done := runWith(t, with(url), strings.TrimSuffix(dump, "]"), "import", "django", "--from", "-")
		require.Equal(t, 1, done.code)
		require.Contains(t, done.stderr, "run the import again for the rest")
		done = runWith(t, with(url), dump, "import", "django", "--from", "-")
		require.Zero(t, done.code)
		require.Len(t, users(t, url), 2)
	})
}

func TestImport_AtATerminalShowsABar(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		done := runAtTerminal(t, with(url), []string{"import", "django", "--from", write(t, "dump", dumpOf(ann, bob))})
		require.Zero(t, done.code, "%s", done.stderr)
		require.Contains(t, done.stderr, "[########################] 100%  2 accounts, ")
		require.Contains(t, done.stderr, "2 accounts in ")
	})
}
