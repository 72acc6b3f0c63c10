//go:build torture

package torture

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

// The clocks of two replicas differ by less than JWT_LEEWAY. Each accepts what the other issues. Go reads the clock without the
// C library, where faketime replaces it, so that these replicas run in this process and are given their clocks.
func TestF14_ReplicasWithinTheLeewayAcceptEachOthersTokens(t *testing.T) {
	for _, apart := range []time.Duration{4 * time.Second, time.Minute} {
		t.Run(apart.String(), func(t *testing.T) {
			testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
				late, early := testkit.NewClock(), testkit.NewClock()
				early.Advance(apart)
				replicas := []*testkit.App{testkit.NewAppAt(t, db, late), testkit.NewAppAt(t, db, early)}
				replicas[0].Signup(t, "ann@example.com")
				tokens := replicas[0].Login(t, "ann@example.com")
				refused := 0
				for i := range 100 {
					here, there := replicas[i%2], replicas[1-i%2]
					refreshed := here.Post(t, "/api/v1/token/refresh", testkit.Refreshing(tokens.Refresh))
					require.Equal(t, http.StatusOK, refreshed.Status, refreshed.Body)
					tokens = refreshed.Tokens(t)
					if there.Get(t, "/api/v1/profile", tokens.Access).Status != http.StatusOK {
						refused++
					}
					late.Advance(time.Second)
					early.Advance(time.Second)
				}
				if apart <= 5*time.Second {
					require.Zero(t, refused)
				}
				requireWhole(t, db)
				summarize(t, fmt.Sprintf("F14 two replicas %v apart on %s: %d of 100 fresh tokens refused by the other, 0 sessions ended", apart, database.Dialect(db), refused))
			})
		})
	}
}

// The clock jumps by an hour back, by an hour ahead and by 400 days. No token outlives its time, and everybody can log in.
func TestF14_AClockThatJumpsLocksNobodyOut(t *testing.T) {
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		app := testkit.NewApp(t, db, "RATE_LIMITS=on")
		app.Signup(t, "ann@example.com")
		for _, jump := range []time.Duration{-time.Hour, time.Hour, 400 * 24 * time.Hour} {
			tokens := app.Login(t, "ann@example.com")
			app.Clock.Advance(jump)
			if jump > 0 {
				require.Equal(t, http.StatusUnauthorized, app.Get(t, "/api/v1/profile", tokens.Access).Status, "after %v", jump)
			}
			require.Equal(t, http.StatusOK, app.Post(t, "/api/v1/login", testkit.Credentials("ann@example.com")).Status, "after %v", jump)
		}
		summarize(t, "F14 the clock jumps by -1 h, +1 h and +400 d on "+database.Dialect(db)+": no token outlives its time, each login succeeds")
	})
}

// The clock of the database is five minutes ahead of the service's. Nothing depends on it, mails included.
func TestF14_ADatabaseAheadOfTheServiceMakesNoDifference(t *testing.T) {
	testkit.Program(t, "faketime")
	library, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	require.NoError(t, err)
	require.NotEmpty(t, library, "the library of faketime")
	server := newPostgresBehind(t, "env", "LD_PRELOAD="+library[0], "FAKETIME=+5m", "FAKETIME_DONT_FAKE_MONOTONIC=1")
	ahead := server.query(t, "postgres", fmt.Sprintf("SELECT round(extract(epoch FROM now()) - %d)::int", time.Now().Unix()))
	require.InDelta(t, 300, number(t, digits, ahead), 5)
	service := newReplica(t, server.url("latchkey"))
	load := newLoad(t, f1Rate, service.addr)
	load.lasting(5 * time.Second)
	require.Eventually(t, func() bool {
		return server.query(t, "latchkey", "SELECT count(*) FROM river_job WHERE kind = 'mail' AND state <> 'completed'") == "0"
	}, testkit.Patience, 100*time.Millisecond, "mails are sent")
	result := check(t, testkit.OpenAt(t, server.url("latchkey")), service.addr, load.ledger)
	require.Empty(t, load.ledger.refusals)
	require.Empty(t, load.ledger.statuses)
	summarize(t, fmt.Sprintf("F14 the database 5 min ahead, %v, every mail sent", result))
}
