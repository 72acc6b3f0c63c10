package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

func TestServer_RunTasks_ComparesTheClocksEveryHour(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) { // whose clock stands still, in the past
		said := func() int {
			return strings.Count(app.Log.String(), "the clock of this machine differs from the database's")
		}
		perHour := 1
		if database.Dialect(app.DB) == database.SQLite {
			perHour = 0 // it has no clock of its own
		}
		app.Server.RunTasks(t.Context())
		app.Server.RunTasks(t.Context())
		require.Equal(t, perHour, said())
		app.Clock.Advance(time.Hour)
		app.Server.RunTasks(t.Context())
		require.Equal(t, 2*perHour, said())
	})
}
