package commands_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestDeactivateAndActivate(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, ann)
		require.Equal(t, 1, run(t, with(url), "deactivate", bob).code)
		require.Equal(t, 2, run(t, with(url), "deactivate").code)
		done := run(t, with(url), "deactivate", ann)
		require.Zero(t, done.code, "%s", done.stderr)
		require.Equal(t, ann+" can no longer log in.\n", done.stderr)
		require.False(t, users(t, url)[0].IsActive)
		require.Zero(t, run(t, with(url), "activate", ann).code)
		require.True(t, users(t, url)[0].IsActive)

		addSuperuser(t, url, bob)
		last := run(t, with(url), "deactivate", bob)
		require.Equal(t, 1, last.code)
		require.Contains(t, last.stderr, "the last active superuser")
	})
}

func TestDeleteUser(t *testing.T) {
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
			{[]string{ann}, 1, "there is no terminal to ask at; use --no-input"},
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

// The address of an account that the other system deleted is free for whoever has it there now.
func TestADeletedUserFreesAnAddressForTheNextImport(t *testing.T) {
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

func TestEndSessions(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		address := testkit.Serve(t, with(url)).Addr(t)
		first := testkit.MustAsk(t, 201, address, "signup", "", testkit.Credentials(ann))
		second := testkit.MustAsk(t, 201, address, "signup", "", testkit.Credentials(bob))
		require.Equal(t, 2, run(t, with(url), "endsessions").code)
		require.Equal(t, 2, run(t, with(url), "endsessions", "--all", ann).code)
		require.Equal(t, 1, run(t, with(url), "endsessions", "eve@example.com").code)

		require.Equal(t, "Ended 1 sessions.\n", run(t, with(url), "endsessions", ann).stderr)
		require.Equal(t, "session_revoked", testkit.MustAsk(t, 401, address, "profile", first.Access, "").Code)
		testkit.MustAsk(t, 200, address, "profile", second.Access, "")
		require.Zero(t, run(t, with(url), "endsessions", "--all").code)
		require.Equal(t, "session_revoked", testkit.MustAsk(t, 401, address, "token/refresh", "", testkit.Refreshing(second.Refresh)).Code)
	})
}
