package routes_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/passwords"
	"latchkey/testkit"
)

// accounts creates an account in each state that a login could reveal, and returns their emails and an unknown one.
func accounts(t *testing.T, app *testkit.App) []string {
	t.Helper()
	set := func(email, column string, value any) {
		require.NoError(t, app.DB.Model(&models.User{}).Where("email = ?", email).Update(column, value).Error)
	}
	for _, name := range []string{"known", "verified", "inactive", "locked", "unusable"} {
		app.Signup(t, name+"@example.com")
	}
	set("verified@example.com", "email_verified_at", app.Clock.Now())
	set("inactive@example.com", "is_active", false)
	set("unusable@example.com", "password", passwords.Unusable())
	for range models.FreeFailures {
		app.Post(t, login, credentials("locked@example.com", secret))
	}
	return []string{"unknown@example.com", "known@example.com", "verified@example.com", "inactive@example.com",
		"locked@example.com", "unusable@example.com"}
}

func credentials(email, password string) string {
	return fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
}

// visible returns what a client sees of a response, without what differs between any two responses.
func visible(t *testing.T, answer testkit.Response) any {
	t.Helper()
	header := answer.Header.Clone()
	for _, name := range []string{"Date", "X-Request-Id"} {
		header.Del(name)
	}
	if answer.Status >= http.StatusBadRequest {
		id := answer.Text(t, "request_id")
		return []any{answer.Status, len(id), header, strings.ReplaceAll(answer.Body, id, "")}
	}
	return []any{answer.Status, header, answer.Body}
}

func TestLogin_DoesNotRevealWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		emails := accounts(t, app)
		var first any
		compare := func(email, password string) {
			before := app.Hasher.Hashes()
			answer := app.Post(t, login, credentials(email, password))
			require.Equal(t, http.StatusUnauthorized, answer.Status, email)
			require.EqualValues(t, 1, app.Hasher.Hashes()-before, email)
			if first == nil {
				first = visible(t, answer)
			}
			require.Equal(t, first, visible(t, answer), email)
		}
		for _, email := range emails {
			compare(email, secret)
		}
		for _, email := range []string{"inactive@example.com", "locked@example.com", "unusable@example.com"} {
			compare(email, testkit.Password)
		}
	})
}

func TestSignup_EnumerationSafe_DoesNotRevealWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		emails := accounts(t, testkit.NewApp(t, db))
		app := testkit.NewApp(t, db, "SIGNUP_ENUMERATION_SAFE=true")
		var first any
		for _, email := range emails {
			before := app.Hasher.Hashes()
			answer := app.Post(t, signup, credentials(email, secret))
			require.Equal(t, http.StatusAccepted, answer.Status, answer.Body)
			require.EqualValues(t, 1, app.Hasher.Hashes()-before, email)
			if first == nil {
				first = visible(t, answer)
			}
			require.Equal(t, first, visible(t, answer), email)
		}
		require.Equal(t, http.StatusOK, app.Post(t, login, credentials("unknown@example.com", secret)).Status)
		require.Equal(t, http.StatusUnauthorized, app.Post(t, login, credentials("known@example.com", secret)).Status,
			"nobody's password is replaced")
		require.Equal(t, http.StatusBadRequest, app.Post(t, signup, credentials("bob", secret)).Status)
	})
}

func TestSignup_RevealsByDefaultThatAnEmailIsTaken(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		var first any
		for _, email := range accounts(t, app)[1:] {
			before := app.Hasher.Hashes()
			answer := app.Post(t, signup, credentials(email, secret))
			require.Equal(t, "taken", answer.Text(t, "errors.0.code"))
			require.EqualValues(t, 1, app.Hasher.Hashes()-before, email)
			if first == nil {
				first = visible(t, answer)
			}
			require.Equal(t, first, visible(t, answer), "whatever state the account is in")
		}
	})
}

// 200 addresses guess the password, while the owner's phone and browser log in.
func TestLogin_AttackFromManyAddressesDoesNotLockOutTheOwner(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, "ann@example.com")
		first := app.Post(t, login, credentials("ann@example.com", testkit.Password))
		device := first.Text(t, "device_token")
		cookie := first.Header.Get("Set-Cookie")
		require.Contains(t, cookie, "latchkey_device="+device+"; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Strict")
		phone := fmt.Sprintf(`{"email":"ann@example.com","password":%q,"device_token":%q}`, testkit.Password, device)
		for i := range 600 {
			attack := post(login, credentials("ann@example.com", fmt.Sprint("guess ", i)))
			attack.Header = map[string]string{"X-Forwarded-For": fmt.Sprintf("203.0.113.%d", i%200)}
			require.Equal(t, http.StatusUnauthorized, app.Do(t, attack).Status)
			if i%100 != 0 {
				continue
			}
			require.Equal(t, http.StatusOK, app.Post(t, login, phone).Status)
			browser := post(login, credentials("ann@example.com", testkit.Password))
			browser.Header = map[string]string{"Cookie": "latchkey_device=" + device}
			require.Equal(t, http.StatusOK, app.Do(t, browser).Status)
		}
		require.Equal(t, http.StatusUnauthorized, app.Post(t, login, credentials("ann@example.com", testkit.Password)).Status)
		addresses := map[string]bool{}
		for _, line := range regexp.MustCompile(`"event":"login_failed".*?"ip":"(.*?)"`).FindAllStringSubmatch(app.Log.String(), -1) {
			addresses[line[1]] = true
		}
		require.GreaterOrEqual(t, len(addresses), 200)
		var failed models.AuditEvent
		require.NoError(t, app.DB.Where("kind = ? AND detail = ''", models.EventLoginFailed).Take(&failed).Error)
		require.EqualValues(t, models.FreeFailures, failed.Count)
	}, "TRUSTED_PROXIES=127.0.0.1")
}

func TestMailRequests_DoNotRevealWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		emails := append(accounts(t, app), "no address")
		app.Mails(t)
		for _, path := range []string{"password/forgot", "email/resend"} {
			var first any
			for _, email := range emails {
				hashes, jobs := app.Hasher.Hashes(), count(t, app, "river_job")
				answer := app.Post(t, "/api/v1/"+path, object([]string{"email", email}))
				require.Equal(t, http.StatusAccepted, answer.Status)
				require.Equal(t, hashes, app.Hasher.Hashes())
				require.Equal(t, jobs+1, count(t, app, "river_job"), "the same work for everybody")
				if first == nil {
					first = visible(t, answer)
				}
				require.Equal(t, first, visible(t, answer), "%s %s", path, email)
			}
		}
		for _, mail := range app.Mails(t) {
			require.NotContains(t, []string{"inactive@example.com", "unknown@example.com"}, mail.To)
		}
	})
}
