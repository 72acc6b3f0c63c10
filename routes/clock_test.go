package routes_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/testkit"
)

const (
	fiveMinutes = 5 * time.Minute // the lifetime of an access token
	leeway      = 5 * time.Second // JWT_LEEWAY
)

// While the clock is an hour behind or ahead, and after it is right again, a phone gets access tokens that work, and none of
// them lives longer than it should.
func TestClock_AJumpLeavesAPhoneLoggedIn(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
			phone := signUp(t, app, annAddress)
			app.Clock.Advance(jump)
			during := refreshed(t, app, phone.Refresh)
			require.Equal(t, 200, app.Get(t, profile, during.Access).Status, "a fresh one works")
			app.Clock.Advance(-jump)
			after := refreshed(t, app, during.Refresh)
			require.Equal(t, 200, app.Get(t, profile, after.Access).Status, "a fresh one works")
			if jump > 0 {
				requireCode(t, 401, "token_invalid", app.Get(t, profile, during.Access))
			}
			app.Clock.Advance(fiveMinutes + leeway)
			for _, access := range []string{phone.Access, during.Access, after.Access} {
				require.Equal(t, 401, app.Get(t, profile, access).Status, "none lives longer than it should")
			}
			refreshed(t, app, after.Refresh)
			require.Zero(t, countEvents(t, app, models.EventRefreshTokenReused))
		})
	}
}

// What was made while the clock was 400 days ahead neither outlives its lifetime, nor keeps anybody out, once it is right again.
func TestClock_ADayFarAheadLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	const jump = 400 * 24 * time.Hour
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		app.DoJobs(t)
		app.Clock.Advance(jump)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		mail := app.Mail(t, annAddress)
		for range models.FreeFailures + 6 {
			requireCode(t, 401, "invalid_credentials", app.Post(t, login, `{"email":"`+annAddress+`","password":"`+newPassword+`"}`))
		}
		app.Clock.Advance(-jump)
		refuses(t, app, "one_time_token_expired", "password/reset", "token", mail.Token(t), "new_password", newPassword)
		refuses(t, app, "code_invalid", "password/reset", "email", annAddress, "code", mail.Code, "new_password", newPassword)
		app.Login(t, annAddress)
	})
}

// Two replicas whose clocks differ by less than JWT_LEEWAY serve one phone in turns.
func TestClock_ReplicasFourSecondsApart(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		ahead := testkit.NewClock()
		ahead.Advance(4 * time.Second)
		settings := "PUBLIC_URL=http://auth.example.com"
		replicas := []*testkit.App{testkit.NewApp(t, db, settings), testkit.NewAppAt(t, db, ahead, settings)}
		phone := signUp(t, replicas[1], annAddress)
		for i := range 6 {
			for _, replica := range replicas {
				require.Equal(t, 200, replica.Get(t, profile, phone.Access).Status)
			}
			phone = refreshed(t, replicas[i%2], phone.Refresh)
		}
		replicas[1].DoJobs(t)
		succeeds(t, replicas[1], "password/forgot", "", "email", annAddress)
		succeeds(t, replicas[0], "password/reset", "",
			"token", replicas[1].Mail(t, annAddress).Token(t), "new_password", newPassword)
		require.Zero(t, countEvents(t, replicas[0], models.EventRefreshTokenReused))
	})
}
