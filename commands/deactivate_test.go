package commands_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDeactivate_AndActivate(t *testing.T) {
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
