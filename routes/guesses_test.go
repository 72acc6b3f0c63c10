package routes_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/testkit"
)

// triesPerDay is the bound of docs/abuse.md.
const triesPerDay = 33

// requireRefused requires that so many guesses were refused, and returns how many of them were tries: the others came while the
// count was locked. Each has been recorded.
func requireRefused(t *testing.T, app *testkit.App, want int) (tries int) {
	t.Helper()
	var events []models.AuditEvent
	kinds := []string{models.EventLoginFailed, models.EventCodeFailed, models.EventPasswordFailed}
	require.NoError(t, app.DB.Model(&models.AuditEvent{}).Where("kind IN ?", kinds).Find(&events).Error)
	refused := 0
	for _, event := range events {
		refused += int(event.Count)
		if event.Detail == "" {
			tries += int(event.Count)
		}
	}
	require.Equal(t, want, refused)
	return tries
}

// wrong returns a code that is not this one.
func wrong(code string) string {
	return strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, code)
}

// forgot asks for a mail to reset a password with.
func forgot(t *testing.T, app *testkit.App, email string) testkit.Mail {
	t.Helper()
	succeeds(t, app, "password/forgot", "", "email", email)
	return mailWithLink(t, app, "/reset-password")
}

// guess is one guess of a stranger: at the password, or at a code by the API or the page.
func guess(t *testing.T, app *testkit.App, n int, code string) {
	t.Helper()
	switch n % 3 {
	case 0:
		require.Equal(t, http.StatusUnauthorized, tryLogin(t, app, annAddress, fmt.Sprint("guess ", n)).status)
	case 1:
		refuses(t, app, "code_invalid", "password/reset", "email", annAddress, "code", wrong(code), "new_password", newPassword)
	case 2:
		page := form(app, t, "/reset-password", nil, "email", annAddress, "code", wrong(code), "new_password", newPassword)
		require.Equal(t, http.StatusBadRequest, page.Status)
	}
}

// A stranger guesses at logins and codes all day, by the API and by the page. Meanwhile the owner gets in by the link of a mail, by a
// login of a device that the account knows, and by a code that they type on it.
func TestGuesses_OfStrangersAreBoundedTogetherAndNeverInTheOwnersWay(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		password := testkit.Password
		phone := app.Post(t, login, credentials(annAddress, password)).Text(t, "device_token")
		loginOfPhone := func() {
			succeeds(t, app, "login", "", "email", annAddress, "password", password, "device_token", phone)
		}
		mail := forgot(t, app, annAddress)
		const minutes, pause = 24 * 60, 3
		for minute := 0; minute < minutes; minute += pause {
			guess(t, app, minute/pause, mail.Code)
			app.Clock.Advance(pause * time.Minute)
			if minute%(4*60) != 0 {
				continue
			}
			loginOfPhone()
			mail = forgot(t, app, annAddress)
			password = fmt.Sprintf("%s %d", newPassword, minute)
			proof := []string{"token", mail.Token(t)}
			if minute%(8*60) == 0 {
				proof = []string{"email", annAddress, "code", mail.Code}
			}
			succeeds(t, app, "password/reset", "", append(proof, "device_token", phone, "new_password", password)...)
			loginOfPhone()
		}
		require.LessOrEqual(t, requireRefused(t, app, minutes/pause), triesPerDay)
	})
}

// A reset by link, in a browser that the account does not know, leads in although strangers have locked it.
func TestGuesses_OfStrangersDontKeepOutWhoHasJustResetThePassword(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		for i, path := range []string{"/reset-password", "/api/v1/password/reset"} {
			password := fmt.Sprint(newPassword, i)
			mail := forgot(t, app, annAddress)
			for n := range 3 * models.FreeFailures {
				guess(t, app, n, mail.Code)
			}
			var done testkit.Response
			if path == "/reset-password" {
				done = form(app, t, path, nil, "token", mail.Token(t), "new_password", password)
			} else {
				done = app.Post(t, path, object([]string{"token", mail.Token(t), "new_password", password}))
			}
			require.Less(t, done.Status, 300, done.Body)
			cookie, _, _ := strings.Cut(done.Header.Get("Set-Cookie"), ";")
			require.Equal(t, http.StatusUnauthorized, tryLogin(t, app, annAddress, password).status, "strangers are locked")
			browser := post(login, credentials(annAddress, password))
			browser.Header = map[string]string{"Cookie": cookie}
			require.Equal(t, http.StatusOK, app.Do(t, browser).Status)
		}
	})
}

// A known device's codes count for it alone, by the API and, with the cookie, on the page.
func TestGuesses_AtCodesCountForAKnownDevice(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		phone := app.Post(t, login, credentials(annAddress, testkit.Password)).Text(t, "device_token")
		browser := map[string]string{"Cookie": "latchkey_device=" + app.Post(t, login, credentials(annAddress, testkit.Password)).Text(t, "device_token")}
		succeeds(t, app, "email/resend", "", "email", annAddress)
		mail := mailWithLink(t, app, "/verify-email")
		for range models.FreeFailures {
			refuses(t, app, "code_invalid", "email/verify", "email", annAddress, "code", wrong(mail.Code), "device_token", phone)
		}
		refuses(t, app, "code_invalid", "email/verify", "email", annAddress, "code", mail.Code, "device_token", phone)
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok(), "strangers are not locked")
		for range models.FreeFailures {
			refuses(t, app, "code_invalid", "email/verify", "email", annAddress, "code", wrong(mail.Code), "device_token", "lkd_forged")
		}
		refuses(t, app, "code_invalid", "email/verify", "email", annAddress, "code", mail.Code)
		require.False(t, tryLogin(t, app, annAddress, testkit.Password).ok(), "strangers are locked")
		require.Equal(t, http.StatusOK, form(app, t, "/verify-email", browser, "email", annAddress, "code", mail.Code).Status)
		require.True(t, isVerified(t, app, annAddress))
		app.Clock.Advance(models.FirstDelay)
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok())
	})
}

// The code of a change of address counts for the new address, whatever device it comes from: whoever asked for the change would gain
// by guessing it.
func TestGuesses_AtTheCodeOfANewAddressCountForTheAddress(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		const next = "ann@example.org"
		opened := app.Post(t, signup, credentials(annAddress, testkit.Password))
		device, access := opened.Text(t, "device_token"), opened.Text(t, "access_token")
		change := func() testkit.Mail {
			succeeds(t, app, "email/change", access, "new_email", next, "current_password", testkit.Password)
			return app.Mail(t, next)
		}
		mail := change()
		for range models.FreeFailures {
			refuses(t, app, "code_invalid", "email/verify", "email", next, "code", wrong(mail.Code), "device_token", device)
		}
		mail = change()
		refuses(t, app, "code_invalid", "email/verify", "email", next, "code", mail.Code, "device_token", device)
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok(), "the account is not locked")
		app.Clock.Advance(models.FirstDelay)
		succeeds(t, app, "email/verify", access, "email", next, "code", mail.Code)
	})
}

// Others who ask for a change to the same address, whose mails are not sent any more, don't crowd out the code that was mailed.
func TestGuesses_OthersMailsLeaveTheCodeOfANewAddressAlone(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		const next = "ann@example.org"
		access := app.Signup(t, annAddress)
		succeeds(t, app, "email/change", access, "new_email", next, "current_password", testkit.Password)
		code := app.Mail(t, next).Code
		var ann models.OneTimeToken
		require.NoError(t, app.DB.Where("address = ?", next).Take(&ann).Error)
		for n := range 6 { // as the limit of mails to one mailbox leaves them
			other := signUp(t, app, fmt.Sprintf("other%d@example.com", n))
			succeeds(t, app, "email/change", other.Access, "new_email", next, "current_password", testkit.Password)
		}
		require.NoError(t, app.DB.Model(&models.OneTimeToken{}).Where("address = ? AND user_id <> ?", next, ann.UserID).
			Update("expires_at", app.Clock.Now().Add(80*time.Hour)).Error)
		succeeds(t, app, "email/verify", access, "email", next, "code", code)
	})
}

func TestOneTimeTokens_CodesLiveForTenMinutes(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		verification := app.Mail(t, annAddress)
		app.Clock.Advance(models.CodeLifetime)
		refuses(t, app, "code_invalid", "email/verify", "email", annAddress, "code", verification.Code)
		succeeds(t, app, "email/verify", "", "token", verification.Token(t))

		succeeds(t, app, "email/change", app.Login(t, annAddress).Access,
			"new_email", "ann@example.org", "current_password", testkit.Password)
		app.Clock.Advance(time.Hour) // the email waits, and the code's minutes begin when it is sent
		change := app.Mail(t, "ann@example.org")
		require.Contains(t, change.Text, "The code is valid until March 1, 2026 at 1:20 pm (UTC)")
		app.Clock.Advance(models.CodeLifetime - time.Second)
		succeeds(t, app, "email/verify", "", "email", "ann@example.org", "code", change.Code,
			"current_password", testkit.Password)

		reset := forgot(t, app, "ann@example.org")
		app.Clock.Advance(models.CodeLifetime)
		refuses(t, app, "code_invalid", "password/reset", "email", "ann@example.org", "code", reset.Code, "new_password", newPassword)
		succeeds(t, app, "password/reset", "", "token", reset.Token(t), "new_password", newPassword)
	})
}

// currentPassword returns the calls that take the current password, with one.
func currentPassword(access, password string) []testkit.Call {
	calls := []testkit.Call{
		post("/api/v1/password/change", object([]string{"current_password", password, "new_password", newPassword})),
		post("/api/v1/email/change", object([]string{"current_password", password, "new_email", "eve@example.com"})),
		{Method: http.MethodDelete, Path: profile, Body: object([]string{"current_password", password})},
	}
	for i := range calls {
		calls[i].Token = access
	}
	return calls
}

// Whoever has stolen a session gets as many tries at the password as a stranger gets. Those that come while locked are told so
// plainly, and cost no hash. Neither the owner's other devices nor strangers are in the way of one another.
func TestGuesses_AtTheCurrentPasswordAreBounded(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		owner, stolen := app.Login(t, annAddress), app.Login(t, annAddress)
		const guesses, pause = 24 * 20, 3 * time.Minute
		for n := range guesses {
			stolen = app.Refresh(t, stolen.Refresh).Tokens(t)
			hashes := app.Hasher.Hashes()
			answer := app.Do(t, currentPassword(stolen.Access, fmt.Sprint("guess ", n))[n%3])
			if answer.Status != http.StatusTooManyRequests {
				require.Equal(t, "incorrect", answer.Text(t, "errors.0.code"))
			} else {
				require.Equal(t, "too_many_guesses", answer.Text(t, "code"))
				require.Equal(t, hashes, app.Hasher.Hashes())
				wait, err := strconv.Atoi(answer.Header.Get("Retry-After"))
				require.NoError(t, err)
				require.LessOrEqual(t, time.Duration(wait)*time.Second, models.MaxDelay)
			}
			app.Clock.Advance(pause)
		}
		require.LessOrEqual(t, requireRefused(t, app, guesses), triesPerDay)
		locked := app.Do(t, currentPassword(stolen.Access, testkit.Password)[0])
		require.Equal(t, "too_many_guesses", locked.Text(t, "code"), "the right one is refused too")
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok())
		owner = app.Refresh(t, owner.Refresh).Tokens(t)
		require.Equal(t, http.StatusNoContent, app.Do(t, currentPassword(owner.Access, testkit.Password)[0]).Status)
	}, "SESSION_IDLE_TIMEOUT=48h")
}

// A right current password that is refused for what else is wrong with the request is no way around the count.
func TestGuesses_RightOnesAreCountedWhateverTheyAreRefusedFor(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		mail := forgot(t, app, annAddress)
		refuses(t, app, "validation_error", "password/reset", "email", annAddress, "code", mail.Code, "new_password", "short")
		var rows int64
		require.NoError(t, app.DB.Model(&models.LoginThrottle{}).Where("failures > 0").Count(&rows).Error)
		require.Zero(t, rows, "it was no failure")
		succeeds(t, app, "password/reset", "", "email", annAddress, "code", mail.Code, "new_password", newPassword)
		var strangers int64
		require.NoError(t, app.DB.Model(&models.LoginThrottle{}).Where("failures = 0 AND device_id = ?", uuid.Nil).Count(&strangers).Error)
		require.Zero(t, strangers, "a right guess leaves no row of strangers")
	})
}
