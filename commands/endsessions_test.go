package commands_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestEndSessions_OfOneUserAndOfAll(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		address := testkit.Serve(t, with(url)).Addr(t)
		first := testkit.MustAsk(t, 201, address, "signup", "", testkit.Credentials(ann))
		second := testkit.MustAsk(t, 201, address, "signup", "", testkit.Credentials(bob))
		require.Equal(t, 2, run(t, with(url), "endsessions").code)
		require.Equal(t, 2, run(t, with(url), "endsessions", "--all", ann).code)
		require.Equal(t, 1, run(t, with(url), "endsessions", "eve@example.com").code)

		for range 2 {
			testkit.MustAsk(t, 200, address, "login", "", testkit.Credentials(ann))
		}
		require.Equal(t, "Sessions ended: 3.\n", run(t, with(url), "endsessions", ann).stderr)
		require.Equal(t, "Sessions ended: 0.\n", run(t, with(url), "endsessions", ann).stderr)
		require.Equal(t, "session_revoked", testkit.MustAsk(t, 401, address, "profile", first.Access, "").Code)
		testkit.MustAsk(t, 200, address, "profile", second.Access, "")
		third := testkit.MustAsk(t, 200, address, "login", "", testkit.Credentials(ann))
		everyone := run(t, with(url), "endsessions", "--all")
		require.Zero(t, everyone.code)
		require.Equal(t, "Sessions ended: 2.\n", everyone.stderr)
		require.Equal(t, "session_revoked", testkit.MustAsk(t, 401, address, "profile", third.Access, "").Code)
		require.Equal(t, "session_revoked", testkit.MustAsk(t, 401, address, "token/refresh", "", testkit.Refreshing(second.Refresh)).Code)
	})
}
