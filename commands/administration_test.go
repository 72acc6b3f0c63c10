package commands_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDeactivateAndActivate(t *testing.T) {
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

func TestEndSessions(t *testing.T) {
	eachMigrated(t, func(t *testing.T, url string) {
		address := serve(t, with(url)).addr(t)
		first := mustCall(t, 201, address, "signup", "", credentials(ann))
		second := mustCall(t, 201, address, "signup", "", credentials(bob))
		require.Equal(t, 2, run(t, with(url), "endsessions").code)
		require.Equal(t, 2, run(t, with(url), "endsessions", "--all", ann).code)
		require.Equal(t, 1, run(t, with(url), "endsessions", "eve@example.com").code)

		require.Equal(t, "Ended 1 sessions.\n", run(t, with(url), "endsessions", ann).stderr)
		require.Equal(t, "session_revoked", mustCall(t, 401, address, "profile", first.Access, "").Code)
		mustCall(t, 200, address, "profile", second.Access, "")
		require.Zero(t, run(t, with(url), "endsessions", "--all").code)
		require.Equal(t, "session_revoked", mustCall(t, 401, address, "token/refresh", "", refreshing(second.Refresh)).Code)
	})
}
