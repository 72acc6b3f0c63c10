package routes_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/testkit"
)

const (
	annAddress  = "ann@example.com"
	newPassword = "pear tree by the river"
)

// ask sends fields as JSON, and returns the status and, for an error, its code.
func ask(t *testing.T, app *testkit.App, path, token string, fields ...string) (int, string) {
	t.Helper()
	answer := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/v1/" + path, Token: token, Body: object(fields)})
	if answer.Status < 400 {
		return answer.Status, ""
	}
	return answer.Status, answer.Text(t, "code")
}

// object returns a JSON object of fields, in which names and values alternate.
func object(fields []string) string {
	var members []string
	for pair := range slices.Chunk(fields, 2) {
		members = append(members, fmt.Sprintf("%q:%q", pair[0], pair[1]))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func succeeds(t *testing.T, app *testkit.App, path, token string, fields ...string) {
	t.Helper()
	status, code := ask(t, app, path, token, fields...)
	require.Less(t, status, 300, "%s: %s", path, code)
}

func refuses(t *testing.T, app *testkit.App, want, path string, fields ...string) {
	t.Helper()
	_, code := ask(t, app, path, "", fields...)
	require.Equal(t, want, code, path)
}

func (l loginResult) ok() bool { return l.status == http.StatusOK }

type loginResult struct {
	status int
	code   string
}

func tryLogin(t *testing.T, app *testkit.App, email, password string) loginResult {
	t.Helper()
	status, code := ask(t, app, "login", "", "email", email, "password", password)
	return loginResult{status, code}
}

func isVerified(t *testing.T, app *testkit.App, email string) bool {
	t.Helper()
	var verified int64
	require.NoError(t, app.DB.Table("users").Where("email = ? AND email_verified_at IS NOT NULL", email).Count(&verified).Error)
	return verified == 1
}

func TestEmailVerification_ByToken(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		require.Equal(t, false, app.Get(t, "/api/v1/profile", access).Field(t, "email_verified"))
		mail := app.Mail(t, annAddress)
		require.True(t, strings.HasPrefix(mail.Links[0], "http://localhost:8080/verify-email?token=lko_"), mail.Links[0])
		token := mail.Token(t)
		refuses(t, app, "one_time_token_invalid", "email/verify", "token", token[:len(token)-1])
		refuses(t, app, "one_time_token_invalid", "password/reset", "token", token, "new_password", newPassword)
		refuses(t, app, "one_time_token_invalid", "email/undo", "token", token)
		succeeds(t, app, "email/verify", "", "token", token)
		require.Equal(t, true, app.Get(t, "/api/v1/profile", access).Field(t, "email_verified"))
		succeeds(t, app, "email/verify", "", "token", token)
		succeeds(t, app, "email/resend", "", "email", annAddress)
		require.Len(t, app.Mails(t), 1, "there is nothing left to confirm")
	})
}

func TestEmailVerification_ByCode(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		mail := app.Mail(t, annAddress)
		require.Regexp(t, `^\d{6}$`, mail.Code)
		refuses(t, app, "validation_error", "email/verify", "code", mail.Code)
		refuses(t, app, "code_invalid", "email/verify", "code", mail.Code, "email", "bob@example.com")
		succeeds(t, app, "email/verify", "", "code", mail.Code, "email", " ANN@Example.com")
		require.True(t, isVerified(t, app, annAddress))
	})
}

func TestEmailVerification_NewerEmailInvalidatesTheOlder(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		older := app.Mail(t, annAddress)
		succeeds(t, app, "email/resend", "", "email", annAddress)
		newer := app.Mail(t, annAddress)
		require.NotEqual(t, older, newer)
		refuses(t, app, "one_time_token_invalid", "email/verify", "token", older.Token(t))
		refuses(t, app, "code_invalid", "email/verify", "code", older.Code, "email", annAddress)
		succeeds(t, app, "email/verify", "", "token", newer.Token(t))
	})
}

func TestSignup_IgnoresAnAsteriskAsLanguage(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		answer := app.Do(t, testkit.Call{
			Method: http.MethodPost, Path: "/api/v1/signup", Header: map[string]string{"Accept-Language": "*"},
			Body: object([]string{"email", annAddress, "password", testkit.Password}), OffContract: true,
		})
		require.Empty(t, answer.Text(t, "user.locale"))
	})
}

func TestSignup_EnumerationSafe_TellsTheOwnerByEmail(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		succeeds(t, app, "signup", "", "email", annAddress, "password", testkit.Password)
		succeeds(t, app, "email/verify", "", "token", app.Mail(t, annAddress).Token(t))
		succeeds(t, app, "signup", "", "email", "ANN@example.com", "password", newPassword)
		mail := app.Mail(t, annAddress)
		require.Empty(t, mail.Code)
		require.Contains(t, mail.Subject, "already")
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok())
	}, "SIGNUP_ENUMERATION_SAFE=true")
}

func TestEmailVerification_RequiredRefusesLoginsBefore(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		status, _ := ask(t, app, "signup", "", "email", annAddress, "password", testkit.Password)
		require.Equal(t, http.StatusAccepted, status)
		require.Equal(t, loginResult{403, "email_unverified"}, tryLogin(t, app, annAddress, testkit.Password))
		var known []models.AuditEvent
		require.NoError(t, app.DB.Where("kind = ? AND detail = ?", models.EventLoginFailed, models.DetailUnverified).Find(&known).Error)
		require.Len(t, known, 1, "somebody knows the password")
		require.Equal(t, loginResult{401, "invalid_credentials"}, tryLogin(t, app, annAddress, "wrong"), "only after a right password")
		refuses(t, app, "validation_error", "signup", "email", annAddress, "password", newPassword)
		succeeds(t, app, "email/verify", "", "token", app.Mail(t, annAddress).Token(t))
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok())
	}, "EMAIL_VERIFICATION=required")
}

func TestEmailVerification_OffSendsNoEmail(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		require.Empty(t, app.Mails(t))
	}, "EMAIL_VERIFICATION=off")
}

func TestSecurityNotices_AreSentForChangesOfTheAccount(t *testing.T) {
	t.Parallel()
	notices := func(t *testing.T, app *testkit.App) (subjects []string) {
		access := app.Signup(t, annAddress)
		first := app.Login(t, annAddress)
		succeeds(t, app, "password/change", access, "current_password", testkit.Password, "new_password", newPassword)
		app.Refresh(t, app.Refresh(t, first.Refresh).Body)
		second := app.Post(t, "/api/v1/login", object([]string{"email", annAddress, "password", newPassword})).Tokens(t)
		app.Refresh(t, app.Refresh(t, second.Refresh).Tokens(t).Refresh)
		app.Clock.Advance(time.Minute)
		require.Equal(t, "refresh_token_reused", app.Refresh(t, second.Refresh).Text(t, "code"))
		for _, mail := range app.Mails(t) {
			require.Equal(t, annAddress, mail.To)
			subjects = append(subjects, mail.Subject)
		}
		slices.Sort(subjects)
		return subjects
	}
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		all := strings.Join(notices(t, app), "\n")
		require.Equal(t, 4, strings.Count(all, "\n"), all) // confirm, two new devices, password, sessions
	})
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		require.Len(t, notices(t, app), 1, "to confirm the address")
	}, "SECURITY_NOTICES=off")
}

// Email is sent to the address as it is stored, never to one that looks like it.
func TestMail_IsNotSentToLookAlikeAddresses(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, "mike@example.com")
		app.Mails(t)
		for _, typed := range []string{"mıke@example.com", "mike@exаmple.com", "MIKE@EXAMPLE.COM", "mi\u200bke@example.com"} {
			ask(t, app, "password/forgot", "", "email", typed)
		}
		for _, mail := range app.Mails(t) {
			require.Equal(t, "mike@example.com", mail.To)
		}
	})
}

func TestMail_LinksFollowTheSettingsWhateverTheHostHeader(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		app.Do(t, testkit.Call{
			Method: http.MethodPost, Path: "/api/v1/password/forgot", Body: object([]string{"email", annAddress}), OffContract: true,
			Header: map[string]string{"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Host": "evil.example"},
		})
		for _, mail := range app.Mails(t) {
			require.NotContains(t, mail.Text, "evil.example")
		}
		require.Contains(t, mailWithLink(t, app, "acme://reset/now").Links[0], "acme://reset/now?from=mail&token=lko_")
	}, "MAIL_LINK_RESET=acme://reset/now?from=mail")
}

// mailWithLink returns the newest email whose link contains text.
func mailWithLink(t *testing.T, app *testkit.App, text string) testkit.Mail {
	t.Helper()
	for _, mail := range app.Mails(t) {
		if len(mail.Links) > 0 && strings.Contains(mail.Links[0], text) {
			return mail
		}
	}
	require.Fail(t, "no mail with a link to "+text)
	return testkit.Mail{}
}

func TestMail_IsInTheLanguageOfTheUser(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		answer := app.Do(t, testkit.Call{
			Method: http.MethodPost, Path: "/api/v1/signup", Header: map[string]string{"Accept-Language": "de-AT, en;q=0.5"},
			Body: object([]string{"email", annAddress, "password", testkit.Password}), OffContract: true,
		})
		require.Equal(t, "de-AT", answer.Text(t, "user.locale"))
		require.Contains(t, app.Mail(t, annAddress).Text, "Adresse")
		access := answer.Tokens(t).Access
		change := func(body string) testkit.Response {
			return app.Do(t, testkit.Call{Method: http.MethodPatch, Path: "/api/v1/profile", Token: access, Body: body})
		}
		changed := change(`{"locale":"PT-br","timezone":"America/Sao_Paulo"}`)
		require.Equal(t, "pt-BR", changed.Text(t, "locale"))
		require.Equal(t, "America/Sao_Paulo", changed.Text(t, "timezone"))
		require.Equal(t, 400, change(`{"locale":"klingon!"}`).Status)
		require.Equal(t, 400, change(`{"timezone":"Mars/Olympus"}`).Status)
		require.Equal(t, 400, change(`{"timezone":"Local"}`).Status)
		require.Empty(t, change(`{"locale":"","timezone":""}`).Text(t, "locale"))
	})
}
