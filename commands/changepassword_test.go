package commands_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestChangePassword_AtATerminal(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, ann)
		addUser(t, url, bob)
		before := users(t, url)
		done := runAtTerminal(t, with(url), []string{"changepassword", "ANN@example.com"},
			reply{"Password: ", otherPassword + "\r"}, reply{"Password (again): ", otherPassword + "\r"})
		require.Zero(t, done.code, "%s", done.stderr)
		require.Contains(t, done.stderr, "The password of ann@example.com is changed.")
		after := users(t, url)
		require.True(t, opens(t, after[0], otherPassword))
		require.False(t, opens(t, after[0], testkit.Password))
		require.Equal(t, before[1], after[1], "nobody else's")
	})
}

func TestChangePassword_RefusesAndChangesNothing(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, ann)
		before := users(t, url)
		twice := func(first, second string) []reply {
			return []reply{{"Password: ", first + "\r"}, {"Password (again): ", second + "\r"}}
		}
		for name, c := range map[string]struct {
			email   string
			replies []reply
			says    string
		}{
			"mismatch":      {ann, twice(otherPassword, testkit.Password), "the two passwords are not the same"},
			"weak password": {ann, twice("123456789", "123456789"), "password: "},
			"unknown email": {bob, nil, "bob@example.com: no account has this email address"},
		} {
			t.Run(name, func(t *testing.T) {
				done := runAtTerminal(t, with(url), []string{"changepassword", c.email}, c.replies...)
				require.Equal(t, 1, done.code)
				require.Contains(t, done.stderr, "latchkey: "+c.says)
				require.Equal(t, before, users(t, url))
			})
		}
	})
}

func TestChangePassword_RefusesWithoutATerminal(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, ann)
		before := users(t, url)
		for code, args := range map[int][][]string{
			1: {{ann}},
			2: {{}, {ann, otherPassword}, {ann, "--password=" + otherPassword}, {ann, "-p" + otherPassword}},
		} {
			for _, args := range args {
				done := run(t, with(url), append([]string{"changepassword"}, args...)...)
				require.Equal(t, code, done.code, "%s", done.stderr)
				require.Equal(t, before, users(t, url))
			}
		}
	})
}
