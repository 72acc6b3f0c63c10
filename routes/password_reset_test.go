package routes_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestPasswordReset_ByToken(t *testing.T) {
	t.Parallel()
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
		require.True(t, isVerified(t, app, annAddress), "a reset by email proves the address")
		succeeds(t, app, "email/verify", "", "token", verification.Token(t)) // which is what this link is for
		require.Contains(t, app.Mails(t)[1].Subject+app.Mails(t)[0].Subject, "assword")
		var audited []string
		require.NoError(t, app.DB.Table("audit_events").Where("kind IN ?", []string{"password_changed", "email_verified"}).
			Order("kind").Select("kind || ' ' || detail").Scan(&audited).Error)
		require.Equal(t, []string{"email_verified ", "password_changed reset"}, audited)
	})
}

func TestPasswordReset_OneOfSimultaneousRequestsWins(t *testing.T) {
	t.Parallel()
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

func TestOneTimeTokens_Expire(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		verification := app.Mail(t, annAddress).Token(t)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		app.Clock.Advance(2 * time.Hour) // the email waits, and the token's hour begins when it is sent
		reset := app.Mail(t, annAddress).Token(t)
		app.Clock.Advance(time.Hour - time.Second)
		refuses(t, app, "validation_error", "password/reset", "token", reset, "new_password", "short")
		app.Clock.Advance(time.Second)
		refuses(t, app, "one_time_token_expired", "password/reset", "token", reset, "new_password", newPassword)
		app.Clock.Advance(24 * time.Hour)
		refuses(t, app, "one_time_token_expired", "email/verify", "token", verification)
	})
}

func TestPasswordReset_PendingEndsWithAPasswordChange(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		reset := app.Mail(t, annAddress).Token(t)
		succeeds(t, app, "password/change", access, "current_password", testkit.Password, "new_password", newPassword)
		refuses(t, app, "one_time_token_invalid", "password/reset", "token", reset, "new_password", "quince tree by the sea")
	})
}

// An attacker signs up with the address of somebody else. Whatever its owner then does by email, the attacker's password and
// session no longer work afterwards.
func TestSignup_WithAnothersAddressGivesNoAccessLater(t *testing.T) {
	t.Parallel()
	const attackers = "grapes of the attacker"
	for name, owner := range map[string]func(t *testing.T, app *testkit.App){
		"forgets a password": func(t *testing.T, app *testkit.App) {
			succeeds(t, app, "password/forgot", "", "email", annAddress)
			succeeds(t, app, "password/reset", "", "token", app.Mail(t, annAddress).Token(t), "new_password", newPassword)
		},
		"signs up again": func(t *testing.T, app *testkit.App) {
			succeeds(t, app, "signup", "", "email", annAddress, "password", newPassword)
			require.True(t, tryLogin(t, app, annAddress, attackers).ok(), "nothing changes before the email is confirmed")
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
				before := rows(t, app)
				succeeds(t, app, "email/verify", "", "token", advance.Token(t)) // the address is verified, as it says
				require.Equal(t, before, rows(t, app))
				require.False(t, tryLogin(t, app, annAddress, attackers).ok())
			}, "SIGNUP_ENUMERATION_SAFE=true")
		})
	}
}

// An attacker signs up with an address after its owner did. When the owner confirms the address, the account still has the
// owner's password.
func TestSignup_SecondOneLeavesNoPasswordBehind(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		succeeds(t, app, "signup", "", "email", annAddress, "password", testkit.Password)
		succeeds(t, app, "signup", "", "email", annAddress, "password", "grapes of the attacker")
		succeeds(t, app, "email/verify", "", "token", mailWithLink(t, app, "/verify-email").Token(t))
		require.True(t, tryLogin(t, app, annAddress, testkit.Password).ok())
		require.False(t, tryLogin(t, app, annAddress, "grapes of the attacker").ok())
	}, "SIGNUP_ENUMERATION_SAFE=true")
}

func TestEmailVerification_RefusesADisabledAccount(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		verification := app.Mail(t, annAddress)
		require.NoError(t, app.DB.Exec("UPDATE users SET is_active = ?", false).Error)
		refuses(t, app, "one_time_token_invalid", "email/verify", "token", verification.Token(t))
		refuses(t, app, "code_invalid", "email/verify", "email", annAddress, "code", verification.Code)
	})
}
