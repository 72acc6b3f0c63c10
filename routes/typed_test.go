package routes_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"latchkey/models"
	"latchkey/testkit"
)

const accented = "Zoë-crème-brûlée-7"

// djangoHash returns what Django stores for the bytes of a password.
func djangoHash(t *testing.T, password string) string {
	t.Helper()
	key, err := pbkdf2.Key(sha256.New, password, []byte("saltsaltsalt"), 1000, 32)
	require.NoError(t, err)
	return fmt.Sprintf("pbkdf2_sha256$1000$saltsaltsalt$%s", base64.StdEncoding.EncodeToString(key))
}

func accessWith(t *testing.T, app *testkit.App, email, password string) string {
	t.Helper()
	return app.Post(t, login, object([]string{"email", email, "password", password})).Tokens(t).Access
}

// A Mac and a PC send the same password in other bytes. Both open the account, whichever set it.
func TestPasswords_OpenInEveryFormAKeyboardSends(t *testing.T) {
	t.Parallel()
	forms := map[string]string{"composed": norm.NFC.String(accented), "decomposed": norm.NFD.String(accented)}
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		for set, password := range forms {
			email := set + "@example.com"
			succeeds(t, app, "signup", "", "email", email, "password", password)
			for _, typed := range forms {
				require.True(t, tryLogin(t, app, email, typed).ok())
				access := accessWith(t, app, email, typed)
				succeeds(t, app, "password/change", access, "current_password", typed, "new_password", newPassword)
				succeeds(t, app, "password/change", access, "current_password", newPassword, "new_password", typed)
				require.Equal(t, 200, app.Post(t, "/user/obtain_token/", object([]string{"email", email, "password", typed})).Status)
			}
			access := accessWith(t, app, email, forms["composed"])
			gone := app.Do(t, testkit.Call{Method: http.MethodDelete, Path: profile, Token: access,
				Body: object([]string{"current_password", forms["decomposed"]})})
			require.Equal(t, http.StatusAccepted, gone.Status)
		}
	}, "DJANGO_COMPAT=true")
}

// A hash that another system made of what it was sent opens in every form too, is made again of the normal one, and a form costs
// no try of its own.
func TestPasswords_OpenHashesOfOtherForms(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		composed, decomposed := norm.NFC.String(accented), norm.NFD.String(accented)
		for _, made := range []string{composed, decomposed} {
			for _, typed := range []string{composed, decomposed} {
				stored := djangoHash(t, made)
				require.NoError(t, app.DB.Model(&models.User{}).Where("TRUE").Update("password", stored).Error)
				for range models.FreeFailures - 1 {
					require.False(t, tryLogin(t, app, annAddress, typed+"x").ok())
				}
				require.True(t, tryLogin(t, app, annAddress, typed).ok(), "the tries before were counted once each")
				app.Clock.Advance(models.FailureMemory)
				upgraded := hashOf(t, app, annAddress)
				require.NotEqual(t, stored, upgraded)
				require.True(t, tryLogin(t, app, annAddress, made).ok())
				require.Equal(t, upgraded, hashOf(t, app, annAddress), "it is of the normal form now")
			}
		}
	})
}

func TestCodes_CostNoTryUnlessTheyCanBeOne(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		code := app.Mail(t, annAddress).Code
		for range 3 {
			for _, typed := range []string{"12345", "1234567", "12345a", "code: 123456", "١٢٣", strings.Repeat(" ", 60), "123.456", "½23456"} {
				refuses(t, app, "validation_error", "email/verify", "email", annAddress, "code", typed)
				page := form(app, t, "/verify-email", nil, "email", annAddress, "code", typed)
				require.Equal(t, 400, page.Status)
			}
		}
		page := form(app, t, "/verify-email", nil, "email", annAddress, "code", "12345")
		require.Contains(t, page.Body, "six digits")
		require.Contains(t, page.Body, `name="code"`, "so that the user can try again")
		require.Zero(t, count(t, app, "login_throttles WHERE failures > 0"))
		require.Zero(t, count(t, app, "audit_events WHERE kind = '"+models.EventCodeFailed+"'"))
		succeeds(t, app, "email/verify", "", "email", annAddress, "code", code[:3]+" "+code[3:]+"\n")
	})
}

// A code arrives as mail programs, phones and keyboards make it of six digits.
func TestCodes_AreTakenAsPeoplePasteThem(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		other := func(zero rune) func(string) string {
			return func(code string) string { return strings.Map(func(r rune) rune { return zero + r - '0' }, code) }
		}
		for name, typed := range map[string]func(string) string{
			"space behind":     func(code string) string { return code + " " },
			"line break":       func(code string) string { return "\r\n" + code },
			"in two groups":    func(code string) string { return code[:3] + " " + code[3:] },
			"no-break space":   func(code string) string { return code[:3] + "\u00a0" + code[3:] },
			"dash":             func(code string) string { return code[:3] + "-" + code[3:] },
			"en dash":          func(code string) string { return code[:3] + "\u2013" + code[3:] },
			"zero-width space": func(code string) string { return "\u200b" + code[:3] + "\ufeff" + code[3:] + "\u202c" },
			"full width":       other('０'), "Arabic": other('٠'), "Persian": other('۰'), "Devanagari": other('०'), "bold": other('𝟎'),
		} {
			for _, send := range []func(code string) int{
				func(code string) int {
					status, _ := ask(t, app, "password/reset", "", "email", annAddress, "code", code, "new_password", newPassword+name)
					return status
				},
				func(code string) int {
					return form(app, t, "/reset-password", nil, "email", "\u200b"+annAddress+" ", "code", code, "new_password", name+newPassword).Status
				},
			} {
				succeeds(t, app, "password/forgot", "", "email", annAddress)
				require.Less(t, send(typed(mailWithLink(t, app, "/reset-password").Code)), 300, name)
			}
		}
	})
}

func TestEmails_AreTakenAsPeoplePasteThem(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		for _, typed := range []string{"\u200b" + annAddress, "\u2060\ufeff" + annAddress, "\u202a" + annAddress + "\u202c", "mailto:" + annAddress} {
			require.True(t, tryLogin(t, app, typed, testkit.Password).ok(), "%+q", typed)
			status, code := ask(t, app, "signup", "", "email", typed, "password", testkit.Password)
			require.Equal(t, 400, status)
			require.Equal(t, "validation_error", code, "it is taken")
		}
	})
}

func TestEmails_WithDotsInARowAreRegisteredInQuotes(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		signup := func(email string) testkit.Response {
			return app.Post(t, "/api/v1/signup", fmt.Sprintf(`{"email":%q,"password":%q}`, email, testkit.Password))
		}
		refused := signup("a..b@docomo.example")
		require.Equal(t, 400, refused.Status)
		require.Contains(t, refused.Body, "in quotes")
		quoted := `"a..b"@docomo.example`
		require.Equal(t, 201, signup(quoted).Status)
		require.Contains(t, signup(`"A..B"@DOCOMO.example`).Body, "taken")
		mail := app.Mail(t, quoted)
		succeeds(t, app, "email/verify", "", "email", `"a..b"@docomo.example`, "code", mail.Code)
		status := app.Post(t, login, fmt.Sprintf(`{"email":%q,"password":%q}`, quoted, testkit.Password)).Status
		require.Equal(t, 200, status)
		require.Equal(t, 201, signup(`"ann"@docomo.example`).Status)
		require.Contains(t, signup("ann@docomo.example").Body, "taken", "quotes that nobody needs make no other address")
	})
}

func TestNames_HoldNothingThatTurnsTheTextAround(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		answer := app.Post(t, "/api/v1/signup", `{"email":"ann@example.com","password":"`+testkit.Password+
			`","first_name":"\u202eAnn\u2066","last_name":"مهدی\u200cیار","client_name":"\u202ephone\u200b"}`)
		require.Equal(t, 201, answer.Status, "%s", answer.Body)
		require.Equal(t, "Ann", answer.Text(t, "user.first_name"))
		require.Equal(t, "مهدی\u200cیار", answer.Text(t, "user.last_name"))
		access := answer.Tokens(t).Access
		changed := app.Do(t, testkit.Call{Method: http.MethodPatch, Path: profile, Token: access, Body: `{"first_name":"\u2067Anna\u2069"}`})
		require.Equal(t, "Anna", changed.Text(t, "first_name"))
		require.Contains(t, app.Get(t, sessions, access).Body, `"client_name":"phone"`)
	})
}

// Fields that belong together are checked together, and nothing changes.
func TestRelatedFields_AreCheckedTogether(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		code := app.Mail(t, annAddress).Code
		app.Signup(t, "bob@example.com")
		before := hashOf(t, app, annAddress)

		same := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/v1/password/change", Token: access,
			Body: object([]string{"current_password", testkit.Password, "new_password", testkit.Password})})
		require.Equal(t, 400, same.Status)
		require.Contains(t, same.Body, "password_unchanged")

		succeeds(t, app, "password/forgot", "", "email", annAddress)
		token := mailWithLink(t, app, "/reset-password").Token(t)
		reset := app.Post(t, "/api/v1/password/reset", object([]string{"token", token, "new_password", testkit.Password}))
		require.Equal(t, 400, reset.Status)
		require.Contains(t, reset.Body, "password_unchanged")
		page := form(app, t, "/reset-password", nil, "token", token, "new_password", testkit.Password)
		require.Contains(t, page.Body, "This is your current password")

		address := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/v1/email/change", Token: access,
			Body: object([]string{"new_email", "\u200bANN@example.com ", "current_password", testkit.Password})})
		require.Equal(t, 400, address.Status)
		require.Contains(t, address.Body, "new_email")

		refuses(t, app, "code_invalid", "email/verify", "email", "bob@example.com", "code", code)
		require.False(t, isVerified(t, app, annAddress) || isVerified(t, app, "bob@example.com"))
		require.Equal(t, before, hashOf(t, app, annAddress))
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok())
	})
}

// The current password is recognised by an imported hash too, and whatever form it is typed in.
func TestPasswordChange_RefusesTheImportedPassword(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		stored := djangoHash(t, norm.NFD.String(accented))
		require.NoError(t, app.DB.Model(&models.User{}).Where("TRUE").Update("password", stored).Error)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		token := mailWithLink(t, app, "/reset-password").Token(t)
		for _, typed := range []string{norm.NFC.String(accented), norm.NFD.String(accented)} {
			answer := app.Post(t, "/api/v1/password/reset", object([]string{"token", token, "new_password", typed}))
			require.Contains(t, answer.Body, "password_unchanged")
		}
		require.Equal(t, stored, hashOf(t, app, annAddress))
	})
}

func TestSignup_RefusesBreachedPasswordsAndTheNamesOfTheService(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		for password, code := range map[string]string{
			"gfgfrfhkj": "password_too_common", "Acmeworks2026!": "password_too_similar", "RoadRunner77": "password_too_similar",
		} {
			answer := app.Post(t, "/api/v1/signup", object([]string{"email", "bob@example.com", "password", password}))
			require.Contains(t, answer.Body, code, password)
			answer = app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/v1/password/change", Token: access,
				Body: object([]string{"current_password", testkit.Password, "new_password", password})})
			require.Contains(t, answer.Body, code, password)
		}
	}, "MAIL_FROM=Acmeworks <no-reply@example.com>", "PASSWORD_FORBIDDEN_WORDS=road runner")
}
