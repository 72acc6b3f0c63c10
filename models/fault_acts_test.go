package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/jobs"
	"latchkey/mail"
	"latchkey/models"
	"latchkey/testkit"
	"latchkey/tokens"
)

func TestFault_UserManager_EachStatementThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	input := func(email string) models.NewUser { return models.NewUser{Email: email, Password: testkit.Password} }
	byEmail := func(change func(f *faulty, email string) error) func(f *faulty, user *models.User) doing {
		return func(f *faulty, user *models.User) doing {
			f.open(user)
			return func() error { return change(f, user.Email) }
		}
	}
	due := func(change func(f *faulty, user *models.User) error) func(f *faulty, user *models.User) doing {
		return func(f *faulty, user *models.User) doing {
			f.open(user)
			require.NoError(f.t, f.db.Model(user).Update("deletion_due_at", f.clock.Now()).Error)
			return func() error { return change(f, user) }
		}
	}
	runActs(t, []act{
		{"create a superuser", true, nil, func(f *faulty, _ *models.User) doing {
			email := f.address()
			return func() error { _, err := f.Users.CreateSuperuser(f.t.Context(), input(email)); return err }
		}},
		{"create a user", true, nil, func(f *faulty, _ *models.User) doing {
			email := f.address()
			return func() error { _, err := f.Users.CreateUser(f.t.Context(), input(email)); return err }
		}},
		{"sign up", true, nil, func(f *faulty, _ *models.User) doing {
			email := f.address()
			return func() error { return f.Users.SignUp(f.t.Context(), input(email)) }
		}},
		{"sign up again", true, nil, func(f *faulty, user *models.User) doing {
			return func() error { return f.Users.SignUp(f.t.Context(), input(user.Email)) }
		}},
		{"update the profile", false, nil, func(f *faulty, user *models.User) doing {
			change := models.ProfileChange{FirstName: new("Ann")}
			return func() error { _, err := f.Users.UpdateProfile(f.t.Context(), user.ID, change); return err }
		}},
		{"change the password", true, nil, func(f *faulty, user *models.User) doing {
			f.open(user)
			change := models.PasswordChange{Current: testkit.Password, New: testkit.OtherPassword, Session: f.open(user).Session}
			return func() error { return f.Users.ChangePassword(f.t.Context(), user, change) }
		}},
		{"set a password", true, nil, byEmail(func(f *faulty, email string) error {
			return f.Users.SetPassword(f.t.Context(), email, testkit.OtherPassword)
		})},
		{"promote", false, nil, byEmail(func(f *faulty, email string) error { return f.Users.Promote(f.t.Context(), email) })},
		{"demote", false, nil, func(f *faulty, user *models.User) doing {
			require.NoError(f.t, f.Users.Promote(f.t.Context(), user.Email))
			return func() error { return f.Users.Demote(f.t.Context(), user.Email) }
		}},
		{"deactivate", false, nil, byEmail(func(f *faulty, email string) error { return f.Users.Deactivate(f.t.Context(), email) })},
		{"activate", false, nil, byEmail(func(f *faulty, email string) error { return f.Users.Activate(f.t.Context(), email) })},
		{"end sessions", false, nil, byEmail(func(f *faulty, email string) error {
			_, err := f.Users.EndSessions(f.t.Context(), email)
			return err
		})},
		{"delete", false, nil, byEmail(func(f *faulty, email string) error { return f.Users.Delete(f.t.Context(), email) })},
		{"ask to be deleted", true, nil, func(f *faulty, user *models.User) doing {
			f.open(user)
			deletion := models.AccountDeletion{Password: testkit.Password, Grace: time.Hour}
			return func() error { return f.Users.RequestDeletion(f.t.Context(), user, deletion) }
		}},
		{"delete what is due", false, nil, due(func(f *faulty, _ *models.User) error {
			_, err := f.Users.DeleteDue(f.t.Context(), 10)
			return err
		})},
		{"delete if due", false, nil, due(func(f *faulty, user *models.User) error {
			return f.Users.DeleteIfDue(f.t.Context(), user.ID)
		})},
	})
}

func TestFault_SessionManager_EachStatementThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	// presenting returns what presents a refresh token that a path leads to, once the grace is over.
	presenting := func(path func(f *faulty, opened *models.SessionTokens) string) func(f *faulty, user *models.User) doing {
		return func(f *faulty, user *models.User) doing {
			token := path(f, f.open(user))
			f.clock.Advance(time.Hour)
			return func() error {
				_, err := f.Sessions.Refresh(f.t.Context(), token, models.RequestInfo{})
				return err
			}
		}
	}
	copied := func(f *faulty, opened *models.SessionTokens) string {
		f.refreshed(opened.RefreshToken, 2)
		return opened.RefreshToken
	}
	ending := func(end func(f *faulty, opened *models.SessionTokens) error) func(f *faulty, user *models.User) doing {
		return func(f *faulty, user *models.User) doing {
			f.open(user)
			opened := f.open(user)
			return func() error { return end(f, opened) }
		}
	}
	byUser := models.Ending{Reason: models.EndedByUser}
	runActs(t, []act{
		{"refresh", false, nil, presenting(func(_ *faulty, opened *models.SessionTokens) string { return opened.RefreshToken })},
		{"retry late", false, nil, presenting(func(f *faulty, opened *models.SessionTokens) string {
			f.refreshed(opened.RefreshToken, 1)
			return opened.RefreshToken
		})},
		{"refresh after a restore", false, nil, presenting(func(f *faulty, opened *models.SessionTokens) string {
			newest := f.refreshed(opened.RefreshToken, 3)
			require.NoError(f.t, f.db.Select("*").Updates(opened.Session).Error)
			return newest
		})},
		// What ends a session for theft stays, although the request fails.
		{"reuse", true, models.ErrRefreshTokenReused, presenting(copied)},
		{"inspect a copy", true, models.ErrRefreshTokenReused, func(f *faulty, user *models.User) doing {
			token := copied(f, f.open(user))
			return func() error {
				_, err := f.Sessions.Inspect(f.t.Context(), token, models.RequestInfo{})
				return err
			}
		}},
		{"end", false, nil, ending(func(f *faulty, opened *models.SessionTokens) error {
			return f.Sessions.End(f.t.Context(), opened.User.ID, opened.Session.ID, byUser)
		})},
		{"end the others", false, nil, ending(func(f *faulty, opened *models.SessionTokens) error {
			return f.Sessions.EndOthers(f.t.Context(), opened.User.ID, opened.Session.ID, byUser)
		})},
		{"end all", false, nil, ending(func(f *faulty, opened *models.SessionTokens) error {
			return f.Sessions.EndAll(f.t.Context(), opened.User.ID, byUser)
		})},
		{"end everyone's", false, nil, ending(func(f *faulty, _ *models.SessionTokens) error {
			_, err := f.Sessions.EndEveryone(f.t.Context(), models.Ending{Reason: models.EndedByOperator})
			return err
		})},
		{"touch", false, nil, func(f *faulty, user *models.User) doing {
			session := *f.open(user).Session
			f.clock.Advance(2 * time.Hour)
			return func() error { read := session; return f.Sessions.Touch(f.t.Context(), &read) }
		}},
		{"delete what is over", false, nil, func(f *faulty, user *models.User) doing {
			f.open(user)
			require.NoError(f.t, f.Sessions.EndAll(f.t.Context(), user.ID, byUser))
			f.clock.Advance(8 * 24 * time.Hour)
			return func() error { _, err := f.Sessions.DeleteOver(f.t.Context(), 1000); return err }
		}},
	})
}

func TestFault_LoginManager_EachStatementThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	failing := func(times int) func(f *faulty, user *models.User) doing {
		return func(f *faulty, user *models.User) doing {
			for range times {
				require.ErrorIs(f.t, f.login(user, testkit.OtherPassword, ""), models.ErrInvalidCredentials)
			}
			return func() error { return f.login(user, testkit.OtherPassword, "") }
		}
	}
	imported := func(f *faulty) tokens.DjangoToken {
		f.users++
		key := int64(f.users)
		_, err := f.Imports.Import(f.t.Context(), []models.ExternalAccount{foreign(key, f.address())})
		require.NoError(f.t, err)
		return tokens.DjangoToken{UserID: fmt.Sprint(key), ID: "a1"}
	}
	runActs(t, []act{
		{"open", false, nil, func(f *faulty, user *models.User) doing {
			return func() error { _, err := f.Logins.Open(f.t.Context(), user, models.RequestInfo{}); return err }
		}},
		{"log in with a new device", true, nil, func(f *faulty, user *models.User) doing {
			f.open(user)
			return func() error { return f.login(user, testkit.Password, "") }
		}},
		{"log in with a known device", false, nil, func(f *faulty, user *models.User) doing {
			device := f.open(user).DeviceToken
			f.clock.Advance(time.Minute)
			return func() error { return f.login(user, testkit.Password, device) }
		}},
		{"log in and cancel the deletion", false, nil, func(f *faulty, user *models.User) doing {
			f.open(user)
			require.NoError(f.t, f.Users.RequestDeletion(f.t.Context(), user,
				models.AccountDeletion{Password: testkit.Password, Grace: time.Hour}))
			return func() error { return f.login(user, testkit.Password, "") }
		}},
		{"fail", false, models.ErrInvalidCredentials, failing(0)},
		{"fail and be locked", false, models.ErrInvalidCredentials, failing(models.FreeFailures - 1)},
		{"fail while locked", false, models.ErrInvalidCredentials, failing(models.FreeFailures)},
		{"accept a token of Django's", false, nil, func(f *faulty, _ *models.User) doing {
			token := imported(f)
			return func() error {
				_, err := f.Logins.AcceptDjangoToken(f.t.Context(), token, f.clock.Now().Add(time.Hour), models.RequestInfo{})
				return err
			}
		}},
		{"delete what is forgotten", false, nil, func(f *faulty, user *models.User) doing {
			require.ErrorIs(f.t, f.login(user, testkit.OtherPassword, ""), models.ErrInvalidCredentials)
			f.clock.Advance(2 * models.FailureMemory)
			return func() error { _, err := f.Logins.DeleteForgotten(f.t.Context(), 1000); return err }
		}},
	})
}

func TestFault_VerificationManager_EachStatementThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	runActs(t, []act{
		{"send a verification", true, nil, func(f *faulty, user *models.User) doing {
			return func() error { return f.Verifications.SendVerification(f.t.Context(), user.Email) }
		}},
		{"forget the password", true, nil, func(f *faulty, user *models.User) doing {
			return func() error { return f.Verifications.ForgotPassword(f.t.Context(), user.Email) }
		}},
		{"compose a mail", false, nil, func(f *faulty, user *models.User) doing {
			job := jobs.Mail{Message: string(mail.ResetPassword), UserID: user.ID, About: uuid.New()}
			f.mailed(user, mail.ResetPassword, uuid.New())
			return func() error { _, err := f.OneTimeTokens.Compose(f.t.Context(), job); return err }
		}},
		{"verify an address", false, nil, func(f *faulty, user *models.User) doing {
			proof := f.mailed(user, mail.VerifyEmail, uuid.New())
			return func() error {
				return f.Verifications.VerifyEmail(f.t.Context(), proof, models.Owner{UserID: user.ID}, models.RequestInfo{})
			}
		}},
		{"reset a password", true, nil, func(f *faulty, user *models.User) doing {
			f.open(user)
			proof := f.mailed(user, mail.ResetPassword, uuid.New())
			return func() error {
				return f.reset(proof)
			}
		}},
		{"ask to change the address", true, nil, func(f *faulty, user *models.User) doing {
			change := models.EmailChange{NewEmail: f.address(), Password: testkit.Password}
			return func() error { return f.Verifications.RequestEmailChange(f.t.Context(), user, change) }
		}},
		{"change the address", true, nil, func(f *faulty, user *models.User) doing {
			proof := f.changing(user)
			return func() error {
				return f.Verifications.VerifyEmail(f.t.Context(), proof, models.Owner{UserID: user.ID}, models.RequestInfo{})
			}
		}},
		{"undo a change of the address", true, nil, func(f *faulty, user *models.User) doing {
			proof := f.changing(user)
			require.NoError(f.t, f.Verifications.VerifyEmail(f.t.Context(), proof, models.Owner{UserID: user.ID}, models.RequestInfo{}))
			f.open(user)
			undo := f.mailed(user, models.PurposeUndoChange, f.newest(user, models.PurposeUndoChange)).Token
			return func() error { return f.Verifications.UndoEmailChange(f.t.Context(), undo, models.RequestInfo{}) }
		}},
		{"delete tokens that are over", false, nil, func(f *faulty, user *models.User) doing {
			f.mailed(user, mail.VerifyEmail, uuid.New())
			f.clock.Advance(30 * 24 * time.Hour)
			return func() error { _, err := f.OneTimeTokens.DeleteOver(f.t.Context(), 1000); return err }
		}},
		{"delete old events", false, nil, func(f *faulty, _ *models.User) doing {
			f.clock.Advance(time.Hour)
			return func() error { _, err := f.Audit.DeleteOld(f.t.Context(), time.Minute, 1000); return err }
		}},
	})
}

func TestFault_ImportManager_EachStatementThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	importing := func(f *faulty, accounts []models.ExternalAccount) doing {
		return func() error {
			_, err := f.Imports.Import(f.t.Context(), slices.Clone(accounts))
			return err
		}
	}
	accounts := func(f *faulty) (made []models.ExternalAccount) {
		for range 3 {
			f.users++
			made = append(made, foreign(int64(f.users), strings.ToUpper(f.address())))
		}
		made[0].IsStaff, made[1].IsSuperuser = true, true
		return made
	}
	runActs(t, []act{
		{"import", false, nil, func(f *faulty, _ *models.User) doing { return importing(f, accounts(f)) }},
		{"import again", false, nil, func(f *faulty, _ *models.User) doing {
			known := accounts(f)
			require.NoError(f.t, importing(f, known)())
			known[0].IsActive, known[0].IsStaff, known[2].Password, known[2].FirstName = false, false, otherDjangoHash, "Bob"
			return importing(f, known)
		}},
	})
}
