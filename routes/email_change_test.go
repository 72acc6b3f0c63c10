package routes_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// A thief who knows the password changes the address and does all they can to keep the account. The owner still gets it back.
func TestEmailChange_UndoRestoresTheAccountWhateverAThiefDid(t *testing.T) {
	t.Parallel()
	for name, thief := range map[string]func(t *testing.T, app *testkit.App, access string){
		"changes the address again": func(t *testing.T, app *testkit.App, access string) {
			changeAddress(t, app, access, "thief@example.net")
		},
		"resets the password": func(t *testing.T, app *testkit.App, _ string) {
			succeeds(t, app, "password/forgot", "", "email", "thief@example.org")
			token := mailWithLink(t, app, "/reset-password").Token(t)
			succeeds(t, app, "password/reset", "", "token", token, "new_password", newPassword)
		},
		"deletes the account": func(t *testing.T, app *testkit.App, access string) {
			require.Equal(t, http.StatusAccepted, deleteAccount(t, app, access, testkit.Password).Status)
		},
		"takes the old address": func(t *testing.T, app *testkit.App, _ string) {
			refuses(t, app, "validation_error", "signup", "email", annAddress, "password", newPassword)
			other := app.Signup(t, "other@example.org")
			succeeds(t, app, "email/change", other, "new_email", annAddress, "current_password", testkit.Password)
			confirm := app.Mail(t, annAddress)
			status, body := confirmAs(t, app, other, "token", confirm.Token(t))
			require.Equal(t, http.StatusBadRequest, status)
			require.Contains(t, body, "taken")
		},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
				access := app.Signup(t, annAddress)
				succeeds(t, app, "email/verify", "", "token", app.Mail(t, annAddress).Token(t))
				changeAddress(t, app, access, "thief@example.org")
				undo := mailWithLink(t, app, "/undo-email-change").Token(t)
				thief(t, app, access)
				app.Mails(t)
				succeeds(t, app, "email/undo", "", "token", undo)
				token := mailWithLink(t, app, "/reset-password").Token(t)
				succeeds(t, app, "password/reset", "", "token", token, "new_password", "quince tree by the sea")
				app.Clock.Advance(20 * 24 * time.Hour)
				app.CleanUp(t, "accounts")
				require.True(t, tryLogin(t, app, annAddress, "quince tree by the sea").ok())
			}, "ACCOUNT_DELETION_GRACE=0")
		})
	}
}

// changeAddress changes the address of an account, and confirms the new one.
func changeAddress(t *testing.T, app *testkit.App, access, to string) {
	t.Helper()
	succeeds(t, app, "email/change", access, "new_email", to, "current_password", testkit.Password)
	succeeds(t, app, "email/verify", access, "token", app.Mail(t, to).Token(t))
}

// A user who signed up with an address of somebody else and then changed to their own no longer blocks the former. Its owner can
// also undo the change and get the account, unless they have another one by then.
func TestEmailChange_ReleasesAnUnconfirmedOldAddress(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		changeAddress(t, app, app.Signup(t, annAddress), "stranger@example.org")
		undo := mailWithLink(t, app, "/undo-email-change")
		require.Equal(t, annAddress, undo.To, "the old address is notified although it was not confirmed")
		app.Signup(t, annAddress)
		refuses(t, app, "validation_error", "email/undo", "token", undo.Token(t))
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok())

		const bob = "bob@example.com"
		changeAddress(t, app, app.Signup(t, bob), "stranger2@example.org")
		succeeds(t, app, "email/undo", "", "token", mailWithLink(t, app, "/undo-email-change").Token(t))
		require.True(t, isVerified(t, app, bob))
	})
}

func TestEmailChange_PendingEndsWithAPasswordChange(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		succeeds(t, app, "email/change", access, "new_email", "thief@example.org", "current_password", testkit.Password)
		pending := app.Mail(t, "thief@example.org").Token(t)
		succeeds(t, app, "password/change", access, "current_password", testkit.Password, "new_password", newPassword)
		refuses(t, app, "one_time_token_invalid", "email/verify", "token", pending)
	})
}

// Others may request a change to an address any number of times: the code of the address's own account still works.
func TestEmailChange_RequestsOfOthersDoNotInvalidateACode(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		code := app.Mail(t, annAddress).Code
		for i := range 6 {
			access := app.Signup(t, fmt.Sprintf("thief%d@example.org", i))
			succeeds(t, app, "email/change", access, "new_email", annAddress, "current_password", testkit.Password)
		}
		app.Mails(t)
		succeeds(t, app, "email/verify", "", "email", annAddress, "code", code)
		require.True(t, isVerified(t, app, annAddress))
	})
}

func TestEmailChange_HappensWhenTheNewAddressIsConfirmed(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		const next = "ann@example.org"
		access := app.Signup(t, annAddress)
		succeeds(t, app, "email/verify", "", "token", app.Mail(t, annAddress).Token(t))
		status, code := ask(t, app, "email/change", access, "new_email", next, "current_password", "wrong")
		require.Equal(t, 400, status, code)
		status, _ = ask(t, app, "email/change", access, "new_email", "no address", "current_password", testkit.Password)
		require.Equal(t, 400, status)
		status, _ = ask(t, app, "email/change", access, "new_email", "Ann@Example.com", "current_password", testkit.Password)
		require.Equal(t, 400, status)
		succeeds(t, app, "email/change", access, "new_email", next, "current_password", testkit.Password)
		mail := app.Mail(t, next)
		require.Equal(t, annAddress, app.Get(t, "/api/v1/profile", access).Text(t, "email"))
		succeeds(t, app, "email/verify", access, "email", next, "code", mail.Code)
		profile := app.Get(t, "/api/v1/profile", access)
		require.Equal(t, next, profile.Text(t, "email"))
		require.Equal(t, true, profile.Field(t, "email_verified"))
		require.False(t, tryLogin(t, app, annAddress, testkit.Password).ok())

		notice := app.Mail(t, annAddress)
		require.Contains(t, notice.Links[0], "/undo-email-change?token=")
		require.Empty(t, notice.Code)
		app.Clock.Advance(72*time.Hour - time.Second)
		succeeds(t, app, "email/undo", "", "token", notice.Token(t))
		require.False(t, tryLogin(t, app, next, testkit.Password).ok())
		require.False(t, tryLogin(t, app, annAddress, testkit.Password).ok(), "the password no longer works, because the thief knew it")
		require.Equal(t, 401, app.Get(t, "/api/v1/profile", access).Status)
		succeeds(t, app, "password/reset", "", "token", mailWithLink(t, app, "/reset-password").Token(t), "new_password", newPassword)
		require.True(t, tryLogin(t, app, annAddress, newPassword).ok())
		succeeds(t, app, "email/undo", "", "token", notice.Token(t))
		require.True(t, tryLogin(t, app, annAddress, newPassword).ok(), "nothing is undone twice")
	})
}

func TestEmailChange_ConfirmsOnlyTheAddressOfTheToken(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		change := func(to string) {
			succeeds(t, app, "email/change", access, "new_email", to, "current_password", testkit.Password)
		}
		change("first@example.org")
		first := app.Mail(t, "first@example.org")
		change("second@example.org")
		second := app.Mail(t, "second@example.org")
		refuses(t, app, "one_time_token_invalid", "email/verify", "token", first.Token(t))
		refuses(t, app, "code_invalid", "email/verify", "email", "first@example.org", "code", second.Code)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() { confirmAs(t, app, access, "token", second.Token(t)) })
			group.Go(func() { confirmAs(t, app, access, "token", first.Token(t)) })
		}
		group.Wait()
		require.Equal(t, "second@example.org", app.Get(t, "/api/v1/profile", access).Text(t, "email"))
	})
}

func TestEmailChange_RefusesAnAddressTakenMeanwhile(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		succeeds(t, app, "email/change", access, "new_email", "bob@example.com", "current_password", testkit.Password)
		token := app.Mail(t, "bob@example.com").Token(t)
		app.Signup(t, "bob@example.com")
		_, body := confirmAs(t, app, access, "token", token)
		require.Contains(t, body, `"code":"taken"`)
		require.Equal(t, annAddress, app.Get(t, "/api/v1/profile", access).Text(t, "email"))
	})
}

// confirmAs confirms an address with an access token, or without one if that is empty, and returns the response.
func confirmAs(t *testing.T, app *testkit.App, access string, fields ...string) (int, string) {
	t.Helper()
	answer := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/v1/email/verify", Token: access, Body: object(fields)})
	return answer.Status, answer.Body
}

// A stranger changes the address of an account that they prepared to the victim's. The victim, who takes the mail for that of a
// sign-up, can't join that account, and so never uses one that the stranger can take back.
func TestEmailChange_JoinsNobodyToAStrangersAccount(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		const victim, owner = "vic@example.com", "stranger@evil.example"
		stranger := app.Signup(t, owner)
		succeeds(t, app, "email/change", stranger, "new_email", victim, "current_password", testkit.Password)
		mail := app.Mail(t, victim)
		require.Contains(t, mail.Text, "s•••@e•••", "it says of which account")
		require.NotContains(t, mail.Text, "evil")
		require.Contains(t, mail.Text, "somebody else's account")

		ofAnother := app.Signup(t, "another@example.com")
		for name, fields := range map[string][]string{
			"the token":                   {"token", mail.Token(t)},
			"the code":                    {"email", victim, "code", mail.Code},
			"an empty password":           {"token", mail.Token(t), "current_password", ""},
			"a password of the victim's":  {"token", mail.Token(t), "current_password", newPassword},
			"the code and a wrong phrase": {"email", victim, "code", mail.Code, "current_password", newPassword},
		} {
			for _, access := range []string{"", ofAnother} {
				status, body := confirmAs(t, app, access, fields...)
				require.Equal(t, http.StatusBadRequest, status, name)
				require.Contains(t, body, `"field":"current_password"`, name)
			}
		}
		status, _ := confirmAs(t, app, "not a token", "token", mail.Token(t))
		require.Equal(t, http.StatusUnauthorized, status, "the access token is at fault, and another one would do")
		require.False(t, tryLogin(t, app, victim, testkit.Password).ok())
		app.Signup(t, victim)
	})
}

// Who follows the link in another browser, where nobody is logged in, proves the account to be theirs by its password.
func TestEmailChange_IsConfirmedByTheCurrentPasswordToo(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		const next = "ann@example.org"
		access := app.Signup(t, annAddress)
		succeeds(t, app, "email/change", access, "new_email", next, "current_password", testkit.Password)
		token := app.Mail(t, next).Token(t)
		status, body := confirmAs(t, app, "", "token", token, "current_password", newPassword)
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, body, `"code":"incorrect"`)
		succeeds(t, app, "email/verify", "", "token", token, "current_password", testkit.Password)
		require.Equal(t, next, app.Get(t, "/api/v1/profile", access).Text(t, "email"))
	})
}

// An access token that has expired is refused as everywhere, and the token of the mail stays what it was.
func TestEmailChange_ConfirmedWithAnExpiredAccessToken(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	opened := signUp(t, app, annAddress)
	succeeds(t, app, "email/change", opened.Access, "new_email", "ann@example.org", "current_password", testkit.Password)
	token := app.Mail(t, "ann@example.org").Token(t)
	app.Clock.Advance(time.Hour)
	requireCode(t, http.StatusUnauthorized, "token_expired", app.Do(t, testkit.Call{
		Method: http.MethodPost, Path: "/api/v1/email/verify", Token: opened.Access, Body: object([]string{"token", token}),
	}))
	succeeds(t, app, "email/verify", app.Refresh(t, opened.Refresh).Tokens(t).Access, "token", token)
}
