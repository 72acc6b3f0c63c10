package routes_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// openLink returns the page of a link, which says at once what has become of it.
func openLink(t *testing.T, app *testkit.App, path, token string) testkit.Response {
	t.Helper()
	return app.Get(t, path+"?token="+token, "")
}

func TestPages_ALinkThatConfirmedAnAddressSaysThatItIsConfirmed(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		token := app.Mail(t, annAddress).Token(t)
		require.Contains(t, openLink(t, app, "/verify-email", token).Body, `type="submit"`)
		for range 2 {
			page := form(app, t, "/verify-email", nil, "token", token)
			require.Equal(t, http.StatusOK, page.Status)
			require.Contains(t, page.Body, "is confirmed")
		}
		page := openLink(t, app, "/verify-email", token)
		require.Equal(t, http.StatusOK, page.Status)
		require.Contains(t, page.Body, "is confirmed")
		require.NotContains(t, page.Body, `type="submit"`, "there is nothing left to do")
		require.EqualValues(t, 1, count(t, app, "audit_events WHERE kind = 'email_verified'"))

		succeeds(t, app, "email/change", access, "new_email", "anna@example.com", "current_password", testkit.Password)
		succeeds(t, app, "email/verify", access, "token", app.Mail(t, "anna@example.com").Token(t))
		refuses(t, app, "one_time_token_used", "email/verify", "token", token)
		page = openLink(t, app, "/verify-email", token)
		require.Contains(t, page.Body, "another address now")
		require.NotContains(t, page.Body, `type="submit"`, "no mail helps with that")
	})
}

// A newer mail replaces a link, and its use confirms the address that both are for.
func TestPages_AnyLinkOfAConfirmedAddressSaysSo(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		first := app.Mail(t, annAddress).Token(t)
		succeeds(t, app, "email/resend", "", "email", annAddress)
		second := app.Mail(t, annAddress).Token(t)
		require.NotEqual(t, first, second)
		refuses(t, app, "one_time_token_invalid", "email/verify", "token", first)
		require.Contains(t, openLink(t, app, "/verify-email", first).Body, "/verify-email/again")
		succeeds(t, app, "email/verify", "", "token", second)
		app.Clock.Advance(3 * 24 * time.Hour)
		for _, token := range []string{first, second} {
			succeeds(t, app, "email/verify", "", "token", token)
		}
	})
}

// Only who holds the authentic token is told.
func TestPages_TellStrangersNothing(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		token := app.Mail(t, annAddress).Token(t)
		succeeds(t, app, "email/verify", "", "token", token)
		for _, forged := range []string{token[:len(token)-1], token + "A", strings.ToUpper(token), "lko_" + strings.Repeat("A", len(token)-4)} {
			refuses(t, app, "one_time_token_invalid", "email/verify", "token", forged)
			require.NotContains(t, openLink(t, app, "/verify-email", forged).Body, "is confirmed")
		}
		refuses(t, app, "one_time_token_invalid", "password/reset", "token", token, "new_password", newPassword)
		require.NotContains(t, openLink(t, app, "/undo-email-change", token).Body, "has this address again")
	})
}

func TestPages_ALinkThatChangedAPasswordSaysWhen(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		token := mailWithLink(t, app, "/reset-password").Token(t)
		changed := app.Clock.Now().UTC().Format("2006-01-02 15:04 UTC")
		require.Equal(t, http.StatusOK, form(app, t, "/reset-password", nil, "token", token, "new_password", newPassword).Status)
		app.Clock.Advance(90 * time.Minute)
		refuses(t, app, "one_time_token_used", "password/reset", "token", token, "new_password", "quince tree on the hill")
		for _, page := range []testkit.Response{
			openLink(t, app, "/reset-password", token),
			form(app, t, "/reset-password", nil, "token", token, "new_password", "quince tree on the hill"),
		} {
			require.Equal(t, http.StatusBadRequest, page.Status)
			require.Contains(t, page.Body, "Your password was changed with this link on "+changed)
			require.Contains(t, page.Body, "Sign in with the new password")
			require.NotContains(t, page.Body, `name="new_password"`, "a form that can't work")
		}
		require.True(t, tryLogin(t, app, annAddress, newPassword).ok(), "nothing was set twice")
		require.Equal(t, http.StatusAccepted, form(app, t, "/reset-password/again", nil, "token", token).Status)
		again := mailWithLink(t, app, "/reset-password").Token(t)
		require.NotEqual(t, token, again, "the mail that the page offers comes")
	})
}

// A double click sends the form twice at once. Both succeed, and one thing happens.
func TestVerify_TwiceAtOnceSucceedsTwice(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		twice := func(path, token string) {
			var clicks sync.WaitGroup
			for range 4 {
				clicks.Go(func() {
					answer := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/v1/" + path, Token: access,
						Body: `{"token":"` + token + `"}`})
					if answer.Status != http.StatusNoContent {
						t.Errorf("%s: %d %s", path, answer.Status, answer.Body)
					}
				})
			}
			clicks.Wait()
		}
		twice("email/verify", app.Mail(t, annAddress).Token(t))
		succeeds(t, app, "email/change", access, "new_email", "anna@example.com", "current_password", testkit.Password)
		twice("email/verify", app.Mail(t, "anna@example.com").Token(t))
		twice("email/undo", mailWithLink(t, app, "/undo-email-change").Token(t))
		require.EqualValues(t, 1, count(t, app, "audit_events WHERE kind = 'email_verified'"))
		require.EqualValues(t, 1, count(t, app, "audit_events WHERE kind = 'email_changed' AND detail = ''"))
		require.EqualValues(t, 1, count(t, app, "audit_events WHERE kind = 'email_changed' AND detail = 'undone'"))
	})
}

// A client that logs in again because its second request is refused keeps the account that it wanted to delete.
func TestDeletion_TwiceIsOneDeletion(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		ask := func() testkit.Response {
			return app.Do(t, testkit.Call{Method: http.MethodDelete, Path: profile, Token: access,
				Body: `{"current_password":"` + testkit.Password + `"}`})
		}
		first := ask()
		require.Equal(t, http.StatusAccepted, first.Status)
		again := ask()
		require.Equal(t, http.StatusAccepted, again.Status)
		require.Equal(t, first.Body, again.Body)
		require.EqualValues(t, 1, count(t, app, "audit_events WHERE kind = 'deletion_asked'"))
		requireCode(t, 401, "session_revoked", app.Get(t, profile, access))
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok())
		requireCode(t, 401, "session_revoked", ask())
	})
}
