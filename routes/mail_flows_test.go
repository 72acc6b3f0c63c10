package routes_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

const (
	annAddress  = "ann@example.com"
	newPassword = "pear tree by the river"
)

// ask sends fields as JSON and gives back the status, and the code of a refusal.
func ask(t *testing.T, app *testkit.App, path, token string, fields ...string) (int, string) {
	t.Helper()
	answer := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/v1/" + path, Token: token, Body: object(fields)})
	if answer.Status < 400 {
		return answer.Status, ""
	}
	return answer.Status, answer.Text(t, "code")
}

// object makes JSON of names and values in turn.
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

func TestAnAddressIsConfirmedByTheTokenOfTheMail(t *testing.T) {
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
		refuses(t, app, "one_time_token_used", "email/verify", "token", token)
		succeeds(t, app, "email/resend", "", "email", annAddress)
		require.Len(t, app.Mails(t), 1, "there is nothing left to confirm")
	})
}

func TestAnAddressIsConfirmedByTheCodeOfTheMail(t *testing.T) {
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

func TestAfterFiveCodesAMailIsWorthNothing(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		mail := app.Mail(t, annAddress)
		for range 5 {
			refuses(t, app, "code_invalid", "email/verify", "code", "x"+mail.Code[1:], "email", annAddress)
		}
		refuses(t, app, "code_invalid", "email/verify", "code", mail.Code, "email", annAddress)
		refuses(t, app, "one_time_token_invalid", "email/verify", "token", mail.Token(t))
		require.False(t, isVerified(t, app, annAddress))
	})
}

// Codes typed at the same time are all counted: of 30 no more than five are looked at.
func TestCodesAtTheSameTimeAreAllCounted(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		app.Mails(t)
		var group sync.WaitGroup
		for range 30 {
			group.Go(func() { app.Post(t, "/api/v1/email/verify", `{"code":"000000","email":"`+annAddress+`"}`) })
		}
		group.Wait()
		var tries int
		require.NoError(t, app.DB.Table("one_time_tokens").Select("max(tries)").Scan(&tries).Error)
		require.LessOrEqual(t, tries, 5)
	})
}

func TestANewerMailTakesThePlaceOfAnOlder(t *testing.T) {
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

func TestAForgottenPasswordIsReset(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		session := app.Login(t, annAddress)
		verification := mailWithLink(t, app, "/verify-email")
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		mail := app.Mail(t, annAddress)
		require.Contains(t, mail.Links[0], "http://localhost:8080/reset-password?token=")
		refuses(t, app, "validation_error", "password/reset", "token", mail.Token(t), "new_password", "short")
		refuses(t, app, "one_time_token_invalid", "email/verify", "token", mail.Token(t))
		succeeds(t, app, "password/reset", "", "token", mail.Token(t), "new_password", newPassword)

		require.False(t, tryLogin(t, app, annAddress, testkit.Password).ok())
		require.True(t, tryLogin(t, app, annAddress, newPassword).ok())
		require.Equal(t, "session_revoked", app.Refresh(t, session.Refresh).Text(t, "code"), "every session ends")
		refuses(t, app, "one_time_token_invalid", "email/verify", "token", verification.Token(t))
		require.True(t, isVerified(t, app, annAddress), "who reset by mail reads the mail")
		require.Contains(t, app.Mails(t)[1].Subject+app.Mails(t)[0].Subject, "assword")
	})
}

func TestOfTwoResetsAtOnceOneWins(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		token := mailWithLink(t, app, "/reset-password").Token(t)
		statuses := make([]int, 8)
		var group sync.WaitGroup
		for i := range statuses {
			group.Go(func() {
				body := object([]string{"token", token, "new_password", fmt.Sprintf("%s %d", newPassword, i)})
				statuses[i] = app.Post(t, "/api/v1/password/reset", body).Status
			})
		}
		group.Wait()
		won := slices.Index(statuses, http.StatusNoContent)
		require.GreaterOrEqual(t, won, 0)
		require.NotContains(t, statuses[won+1:], http.StatusNoContent)
		require.True(t, tryLogin(t, app, annAddress, fmt.Sprintf("%s %d", newPassword, won)).ok())
	})
}

func TestTokensGrowOld(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		verification := app.Mail(t, annAddress).Token(t)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		app.Clock.Advance(2 * time.Hour) // on its way; only then its hour begins
		reset := app.Mail(t, annAddress).Token(t)
		app.Clock.Advance(time.Hour - time.Second)
		refuses(t, app, "validation_error", "password/reset", "token", reset, "new_password", "short")
		app.Clock.Advance(time.Second)
		refuses(t, app, "one_time_token_expired", "password/reset", "token", reset, "new_password", newPassword)
		app.Clock.Advance(24 * time.Hour)
		refuses(t, app, "one_time_token_expired", "email/verify", "token", verification)
	})
}

func TestANewPasswordEndsAPendingReset(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		reset := app.Mail(t, annAddress).Token(t)
		succeeds(t, app, "password/change", access, "current_password", testkit.Password, "new_password", newPassword)
		refuses(t, app, "one_time_token_invalid", "password/reset", "token", reset, "new_password", "quince tree by the sea")
	})
}

// Somebody signs up with an address that is not his. Whatever its owner then does by mail, the password of the other opens
// nothing afterwards.
func TestNobodySignsUpInAdvanceForSomebodyElse(t *testing.T) {
	const attackers = "grapes of the attacker"
	for name, owner := range map[string]func(t *testing.T, app *testkit.App){
		"forgets a password": func(t *testing.T, app *testkit.App) {
			succeeds(t, app, "password/forgot", "", "email", annAddress)
			succeeds(t, app, "password/reset", "", "token", app.Mail(t, annAddress).Token(t), "new_password", newPassword)
		},
		"signs up again": func(t *testing.T, app *testkit.App) {
			succeeds(t, app, "signup", "", "email", annAddress, "password", newPassword)
			require.True(t, tryLogin(t, app, annAddress, attackers).ok(), "until the mail proves it nothing changes")
			require.False(t, tryLogin(t, app, annAddress, newPassword).ok())
			reset := mailWithLink(t, app, "/reset-password").Token(t)
			succeeds(t, app, "password/reset", "", "token", reset, "new_password", newPassword)
		},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
				succeeds(t, app, "signup", "", "email", annAddress, "password", attackers)
				attack := app.Post(t, "/api/v1/login", object([]string{"email", annAddress, "password", attackers})).Tokens(t)
				advance := mailWithLink(t, app, "/verify-email")
				owner(t, app)
				require.False(t, tryLogin(t, app, annAddress, attackers).ok())
				require.True(t, tryLogin(t, app, annAddress, newPassword).ok())
				require.Equal(t, 401, app.Refresh(t, attack.Refresh).Status)
				require.Equal(t, 401, app.Get(t, "/api/v1/profile", attack.Access).Status)
				refuses(t, app, "one_time_token_invalid", "email/verify", "token", advance.Token(t))
			}, "SIGNUP_ENUMERATION_SAFE=true")
		})
	}
}

// Somebody else signs up with the address after its owner did: the mail that the owner waits for brings no stranger's password.
func TestASecondSignupLeavesNoPasswordBehind(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		succeeds(t, app, "signup", "", "email", annAddress, "password", testkit.Password)
		succeeds(t, app, "signup", "", "email", annAddress, "password", "grapes of the attacker")
		succeeds(t, app, "email/verify", "", "token", mailWithLink(t, app, "/verify-email").Token(t))
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok())
		require.False(t, tryLogin(t, app, annAddress, "grapes of the attacker").ok())
	}, "SIGNUP_ENUMERATION_SAFE=true")
}

// A thief who knows the password changes the address, and does what he can to keep the account: its owner takes it back.
func TestAnOwnerTakesHisAccountBackWhateverTheThiefDoes(t *testing.T) {
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
			refuses(t, app, "validation_error", "email/verify", "token", confirm.Token(t))
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
				succeeds(t, app, "password/forgot", "", "email", annAddress)
				token := mailWithLink(t, app, "/reset-password").Token(t)
				succeeds(t, app, "password/reset", "", "token", token, "new_password", "quince tree by the sea")
				app.Clock.Advance(20 * 24 * time.Hour)
				require.NoError(t, app.Service.Sweep(t.Context(), "accounts"))
				require.True(t, tryLogin(t, app, annAddress, "quince tree by the sea").ok())
			})
		})
	}
}

// changeAddress makes an address that of an account, confirmed.
func changeAddress(t *testing.T, app *testkit.App, access, to string) {
	t.Helper()
	succeeds(t, app, "email/change", access, "new_email", to, "current_password", testkit.Password)
	succeeds(t, app, "email/verify", "", "token", app.Mail(t, to).Token(t))
}

// Whoever signs up with an address that is not his and changes to his own keeps nobody from it.
func TestAnAddressThatNobodyConfirmedIsFreeAfterAChange(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		app.Mails(t)
		changeAddress(t, app, access, "stranger@example.org")
		app.Signup(t, annAddress)
		for _, mail := range app.Mails(t) {
			require.NotContains(t, strings.Join(mail.Links, ""), "/undo-email-change")
		}
	})
}

func TestAnAsteriskIsNoLanguage(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		answer := app.Do(t, testkit.Call{
			Method: http.MethodPost, Path: "/api/v1/signup", Header: map[string]string{"Accept-Language": "*"},
			Body: object([]string{"email", annAddress, "password", testkit.Password}), OffContract: true,
		})
		require.Empty(t, answer.Text(t, "user.locale"))
	})
}

func TestANewPasswordEndsAPendingChangeOfAddress(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		succeeds(t, app, "email/change", access, "new_email", "thief@example.org", "current_password", testkit.Password)
		pending := app.Mail(t, "thief@example.org").Token(t)
		succeeds(t, app, "password/change", access, "current_password", testkit.Password, "new_password", newPassword)
		refuses(t, app, "one_time_token_invalid", "email/verify", "token", pending)
	})
}

// Others may ask to change to an address as often as they like: the code of its own account still works.
func TestNobodyPushesACodeOut(t *testing.T) {
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

func TestABrowserThatSaysNothingOfTheSiteMayPost(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		token := app.Mail(t, annAddress).Token(t)
		other := form(app, t, "/verify-email", map[string]string{"Origin": "https://evil.example"}, "token", token)
		require.Equal(t, http.StatusForbidden, other.Status)
		require.Equal(t, http.StatusOK, form(app, t, "/verify-email", map[string]string{"Origin": "null"}, "token", token).Status)
	})
}

func TestADisabledAccountIsNotHelpedByMail(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		verification := app.Mail(t, annAddress)
		require.NoError(t, app.DB.Exec("UPDATE users SET is_active = ?", false).Error)
		refuses(t, app, "one_time_token_invalid", "email/verify", "token", verification.Token(t))
		refuses(t, app, "code_invalid", "email/verify", "email", annAddress, "code", verification.Code)
	})
}

func TestWhoHasAnAccountIsToldByMailAlone(t *testing.T) {
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

func TestAnAddressHasToBeConfirmedWhereThatIsRequired(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		status, _ := ask(t, app, "signup", "", "email", annAddress, "password", testkit.Password)
		require.Equal(t, http.StatusAccepted, status)
		require.Equal(t, loginResult{403, "email_unverified"}, tryLogin(t, app, annAddress, testkit.Password))
		require.Equal(t, loginResult{401, "invalid_credentials"}, tryLogin(t, app, annAddress, "wrong"), "only after a right password")
		refuses(t, app, "validation_error", "signup", "email", annAddress, "password", newPassword)
		succeeds(t, app, "email/verify", "", "token", app.Mail(t, annAddress).Token(t))
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok())
	}, "EMAIL_VERIFICATION=required")
}

func TestNobodyIsAskedToConfirmWhereThatIsOff(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		require.Empty(t, app.Mails(t))
	}, "EMAIL_VERIFICATION=off")
}

func TestUsersAreToldWhatHappensToTheirAccount(t *testing.T) {
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

func TestAnAddressChangesWhenTheNewOneConfirms(t *testing.T) {
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
		succeeds(t, app, "email/verify", "", "email", next, "code", mail.Code)
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
		require.False(t, tryLogin(t, app, annAddress, testkit.Password).ok(), "whoever changed it knew the password")
		require.Equal(t, 401, app.Get(t, "/api/v1/profile", access).Status)
		succeeds(t, app, "password/reset", "", "token", mailWithLink(t, app, "/reset-password").Token(t), "new_password", newPassword)
		require.True(t, tryLogin(t, app, annAddress, newPassword).ok())
		refuses(t, app, "one_time_token_used", "email/undo", "token", notice.Token(t))
	})
}

func TestOnlyTheAddressThatGotTheTokenIsConfirmed(t *testing.T) {
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
			group.Go(func() { app.Post(t, "/api/v1/email/verify", object([]string{"token", second.Token(t)})) })
			group.Go(func() { app.Post(t, "/api/v1/email/verify", object([]string{"token", first.Token(t)})) })
		}
		group.Wait()
		require.Equal(t, "second@example.org", app.Get(t, "/api/v1/profile", access).Text(t, "email"))
	})
}

func TestAnAddressThatSomebodyElseHasByNowIsRefused(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		succeeds(t, app, "email/change", access, "new_email", "bob@example.com", "current_password", testkit.Password)
		token := app.Mail(t, "bob@example.com").Token(t)
		app.Signup(t, "bob@example.com")
		answer := app.Post(t, "/api/v1/email/verify", object([]string{"token", token}))
		require.Equal(t, "taken", answer.Text(t, "errors.0.code"))
		require.Equal(t, annAddress, app.Get(t, "/api/v1/profile", access).Text(t, "email"))
	})
}

// Mail goes to the address as it is stored, never to one that looks like it.
func TestLookAlikeAddressesGetNoMail(t *testing.T) {
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

func TestLinksLeadWhereTheSettingsSayWhateverHostIsAsked(t *testing.T) {
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

// mailWithLink is the newest whose link holds a text.
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

func TestLettersAreInTheLanguageOfTheirReader(t *testing.T) {
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

// What programs that look at mail do, and then its reader.
func TestOpeningALinkChangesNothing(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		link, err := url.Parse(app.Mail(t, annAddress).Links[0])
		require.NoError(t, err)
		for _, agent := range []string{"", "Mozilla/5.0", "SafeLinks", "facebookexternalhit/1.1"} {
			for _, method := range []string{http.MethodHead, http.MethodGet} {
				answer := app.Do(t, testkit.Call{Method: method, Path: link.RequestURI(),
					Header: map[string]string{"User-Agent": agent, "Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender"}})
				require.Equal(t, http.StatusOK, answer.Status)
				require.Equal(t, "no-referrer", answer.Header.Get("Referrer-Policy"))
				require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
			}
		}
		require.False(t, isVerified(t, app, annAddress))
		crossSite := form(app, t, "/verify-email", map[string]string{"Sec-Fetch-Site": "cross-site"}, "token", link.Query().Get("token"))
		require.Equal(t, http.StatusForbidden, crossSite.Status)
		require.False(t, isVerified(t, app, annAddress))
		require.Equal(t, http.StatusOK, form(app, t, "/verify-email", nil, "token", link.Query().Get("token")).Status)
		require.True(t, isVerified(t, app, annAddress))
		again := form(app, t, "/verify-email", nil, "token", link.Query().Get("token"))
		require.Equal(t, http.StatusBadRequest, again.Status)
		require.Contains(t, again.Body, "has been used already")
	})
}

func form(app *testkit.App, t *testing.T, path string, header map[string]string, fields ...string) testkit.Response {
	t.Helper()
	values := url.Values{}
	for pair := range slices.Chunk(fields, 2) {
		values.Set(pair[0], pair[1])
	}
	return app.Do(t, testkit.Call{
		Method: http.MethodPost, Path: path, Type: "application/x-www-form-urlencoded", Body: values.Encode(), Header: header,
	})
}

func TestThePagesSayWhatIsWrong(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		mail := mailWithLink(t, app, "/reset-password")
		weak := form(app, t, "/reset-password", nil, "token", mail.Token(t), "new_password", "short")
		require.Equal(t, http.StatusBadRequest, weak.Status)
		require.Contains(t, weak.Body, "at least 8")
		require.Contains(t, weak.Body, mail.Token(t), "to try again")
		code := form(app, t, "/reset-password", nil, "email", `"><script>`, "code", "1", "new_password", newPassword)
		require.Contains(t, code.Body, "does not go with this address")
		require.NotContains(t, code.Body, "<script>")
		require.Contains(t, form(app, t, "/undo-email-change", nil, "token", "x").Body, "not complete")
		require.Contains(t, app.Get(t, "/reset-password", "").Body, `name="code"`)
		require.Equal(t, 200, form(app, t, "/reset-password", nil, "email", annAddress, "code", mail.Code, "new_password", newPassword).Status)
		require.True(t, tryLogin(t, app, annAddress, newPassword).ok())
	})
}

func TestNobodyLearnsByMailWhoHasAnAccount(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		app.Signup(t, "inactive@example.com")
		require.NoError(t, app.DB.Exec("UPDATE users SET is_active = ? WHERE email = 'inactive@example.com'", false).Error)
		app.Signup(t, "keyless@example.com")
		require.NoError(t, app.DB.Exec("UPDATE users SET password = '!' WHERE email = 'keyless@example.com'").Error)
		app.Mails(t)
		for _, path := range []string{"password/forgot", "email/resend"} {
			var answers []string
			for _, email := range []string{annAddress, "inactive@example.com", "keyless@example.com", "nobody@example.com", "no address"} {
				hashes, jobs := app.Hasher.Hashes(), count(t, app, "river_job")
				answer := app.Post(t, "/api/v1/"+path, object([]string{"email", email}))
				require.Equal(t, http.StatusAccepted, answer.Status)
				require.Equal(t, hashes, app.Hasher.Hashes())
				require.Equal(t, jobs+1, count(t, app, "river_job"), "the same work for everybody")
				answers = append(answers, answer.Body)
			}
			require.Len(t, slices.Compact(answers), 1)
		}
		for _, mail := range app.Mails(t) {
			require.NotEqual(t, "inactive@example.com", mail.To)
			require.NotEqual(t, "nobody@example.com", mail.To)
		}
	})
}
