package commands_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDeleteUser_WithoutATerminal(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, ann)
		addSuperuser(t, url, bob)
		for _, c := range []struct {
			args []string
			code int
			says string
		}{
			{nil, 2, "accepts 1 arg"},
			{[]string{ann}, 1, "standard input is not a terminal to ask at; use --no-input"},
			{[]string{"--no-input", "eve@example.com"}, 1, "no account has this email"},
			{[]string{"--no-input", bob}, 1, "the last active superuser"},
		} {
			done := run(t, with(url), append([]string{"deleteuser"}, c.args...)...)
			require.Equal(t, c.code, done.code)
			require.Contains(t, done.stderr, c.says)
			require.Len(t, users(t, url), 2)
		}
		done := run(t, with(url), "deleteuser", "--no-input", ann)
		require.Zero(t, done.code, "%s", done.stderr)
		require.Equal(t, ann+" is deleted.\n", done.stderr)
		require.Len(t, users(t, url), 1)
	})
}

// Deleting an account here frees its address for the account that has it in the other system now.
func TestDeleteUser_FreesAnAddressForTheNextImport(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		again := strings.Replace(dumpOf(ann), `"pk": 1,`, `"pk": 11,`, 1)
		require.NotEqual(t, dumpOf(ann), again)
		require.Zero(t, runWith(t, with(url), dumpOf(ann), "import", "django", "--from", "-").code)
		refused := runWith(t, with(url), again, "import", "django", "--from", "-")
		require.Contains(t, refused.stdout, "id 11: an account that was imported before has this email address, perhaps in another case: id 1\n")
		require.Zero(t, run(t, with(url), "deleteuser", "--no-input", ann).code)
		require.Zero(t, runWith(t, with(url), again, "import", "django", "--from", "-").code)
		require.EqualValues(t, 11, *users(t, url)[0].LegacyID)
	})
}

func TestDeleteUser_AsksForConfirmation(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, ann)
		const question = "Type the address again to delete the account permanently: "
		done := runAtTerminal(t, with(url), []string{"deleteuser", ann}, reply{question, "yes\r"})
		require.Equal(t, 1, done.code)
		require.Contains(t, done.stderr, "that is a different address; nothing is deleted")
		require.Len(t, users(t, url), 1)
		done = runAtTerminal(t, with(url), []string{"deleteuser", ann}, reply{question, ann + "\r"})
		require.Zero(t, done.code, "%s", done.stderr)
		require.Empty(t, users(t, url))
	})
}
