package routes_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/testkit"
)

// kept are the tables that change while people use the service, those first that others refer to.
var kept = []string{
	"users", "sessions", "one_time_tokens", "imported_accounts", "login_throttles", "audit_events", "river_job",
}

// backUp copies the database, into tables beside its own.
func backUp(t *testing.T, app *testkit.App) {
	t.Helper()
	for _, table := range kept {
		require.NoError(t, app.DB.Exec("CREATE TABLE backup_of_"+table+" AS SELECT * FROM "+table).Error)
	}
}

// restore makes the database what it was when backUp copied it.
func restore(t *testing.T, app *testkit.App) {
	t.Helper()
	require.NoError(t, app.DB.Transaction(func(tx *gorm.DB) error {
		for _, table := range kept {
			if err := tx.Exec("DELETE FROM " + table).Error; err != nil {
				return err
			}
		}
		for _, table := range kept {
			if err := tx.Exec("INSERT INTO " + table + " SELECT * FROM backup_of_" + table).Error; err != nil {
				return err
			}
		}
		return nil
	}))
}

func signUp(t *testing.T, app *testkit.App, email string) testkit.Tokens {
	t.Helper()
	answer := app.Post(t, signup, testkit.Credentials(email))
	require.Equal(t, http.StatusCreated, answer.Status, answer.Body)
	return answer.Tokens(t)
}

func refreshed(t *testing.T, app *testkit.App, token string) testkit.Tokens {
	t.Helper()
	answer := app.Refresh(t, token)
	require.Equal(t, http.StatusOK, answer.Status, answer.Body)
	return answer.Tokens(t)
}

func countEvents(t *testing.T, app *testkit.App, kind string) (n int64) {
	t.Helper()
	require.NoError(t, app.DB.Model(&models.AuditEvent{}).Where("kind = ?", kind).Count(&n).Error)
	return n
}

func TestRestore_KeepsEveryPhoneLoggedIn(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		phones := make([]testkit.Tokens, 5)
		for i := range phones {
			phones[i] = signUp(t, app, fmt.Sprintf("user%d@example.com", i))
		}
		laptop := app.Login(t, "user0@example.com")
		mails := len(app.Mails(t))
		backUp(t, app)

		for i := range phones {
			app.Clock.Advance(time.Minute)
			phones[i] = refreshed(t, app, refreshed(t, app, phones[i].Refresh).Refresh)
		}
		newer := app.Login(t, "user1@example.com")
		require.Equal(t, 204, logOut(t, app, laptop.Access, "").Status)
		mails = max(mails, len(app.Mails(t))) // the one about the new device

		restore(t, app)
		app.Clock.Advance(time.Minute)
		require.Equal(t, 200, app.Get(t, profile, phones[4].Access).Status)
		for i := range phones {
			next := refreshed(t, app, phones[i].Refresh)
			require.Equal(t, next.Refresh, refreshed(t, app, phones[i].Refresh).Refresh, "a retry gets the same child")
			phones[i] = refreshed(t, app, next.Refresh)
		}
		require.Zero(t, countEvents(t, app, models.EventRefreshTokenReused))
		require.EqualValues(t, 5, countEvents(t, app, models.EventSessionAhead))
		require.Contains(t, app.Log.String(), `"level":"WARN","msg":"security event","event":"session_ahead"`)
		require.Contains(t, scrape(t, app), `latchkey_refreshes_total{outcome="ahead"} 5`)
		require.Len(t, app.Mails(t), mails)

		listed := app.Get(t, sessions, phones[0].Access).Field(t, "sessions")
		require.Len(t, listed, 2, "the one that was logged out after the backup lives again")
		require.Equal(t, 200, app.Refresh(t, laptop.Refresh).Status)
		requireCode(t, 401, "session_expired", app.Refresh(t, newer.Refresh))
	})
}

func TestRestore_ATokenAheadLogsOut(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		phone := signUp(t, app, annAddress)
		backUp(t, app)
		phone = refreshed(t, app, refreshed(t, app, phone.Refresh).Refresh)
		restore(t, app)
		require.Equal(t, 204, logOut(t, app, "", `{"refresh_token":"`+phone.Refresh+`"}`).Status)
		requireCode(t, 401, "session_revoked", app.Refresh(t, phone.Refresh))
		require.Zero(t, countEvents(t, app, models.EventRefreshTokenReused))
	})
}

func TestRestore_AThiefStillCollidesWithTheOwner(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		ann, bob := signUp(t, app, annAddress), signUp(t, app, "bob@example.com")
		backUp(t, app)
		stolen := [2]testkit.Tokens{}
		for i, phone := range []*testkit.Tokens{&ann, &bob} {
			stolen[i] = refreshed(t, app, refreshed(t, app, phone.Refresh).Refresh)
			*phone = refreshed(t, app, refreshed(t, app, stolen[i].Refresh).Refresh)
		}
		restore(t, app)
		app.Clock.Advance(time.Minute)

		ann = refreshed(t, app, ann.Refresh)
		requireCode(t, 401, "refresh_token_reused", app.Refresh(t, stolen[0].Refresh))
		requireCode(t, 401, "session_revoked", app.Refresh(t, ann.Refresh))

		loot := refreshed(t, app, stolen[1].Refresh) // the thief comes first
		bob = refreshed(t, app, bob.Refresh)
		requireCode(t, 401, "refresh_token_reused", app.Refresh(t, loot.Refresh))
		requireCode(t, 401, "session_revoked", app.Refresh(t, bob.Refresh))
	})
}

// What was mailed and not used before the backup works after the restore; nothing about it alarms anybody.
func TestRestore_MailedTokensAndDevices(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		app.DoJobs(t) // the mail that verifies the address
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		token := app.Mail(t, annAddress).Token(t)
		backUp(t, app)
		succeeds(t, app, "password/reset", "", "token", token, "new_password", newPassword)
		known := app.Post(t, login, `{"email":"`+annAddress+`","password":"`+newPassword+`"}`).Text(t, "device_token")
		restore(t, app)
		app.Clock.Advance(time.Minute)
		body := `{"email":"` + annAddress + `","password":"` + testkit.Password + `","device_token":"` + known + `"}`
		require.Equal(t, 200, app.Post(t, login, body).Status, "a device that is not known any more is a new one")
		succeeds(t, app, "password/reset", "", "token", token, "new_password", newPassword)
	})
}
