package models_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/mail"
	"latchkey/models"
	"latchkey/testkit"
	"latchkey/tokens"
)

// adopter is the managers of sessions and logins, with an imported user whose key was 7.
type adopter struct {
	importFixture
	sessions *models.SessionManager
	logins   *models.LoginManager
	clock    *testkit.Clock
}

func eachAdopter(t *testing.T, run func(t *testing.T, a adopter)) {
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		clock := testkit.NewClock()
		f := newFixture(t, db, testkit.ManagerOptions{Now: clock.Now, Sessions: models.SessionRules{
			Idle: 30 * 24 * time.Hour, Lifetime: 365 * 24 * time.Hour, Grace: 30 * time.Second,
		}})
		a := adopter{importFixture{f, f.managers.Imports}, f.managers.Sessions, f.managers.Logins, clock}
		require.Equal(t, 1, a.run(t, foreign(7, "ann@example.com")).Imported)
		run(t, a)
	})
}

var annsToken = tokens.DjangoToken{UserID: "7", ID: "a1"}

func (a adopter) adopt(t *testing.T, token tokens.DjangoToken) error {
	t.Helper()
	session, err := a.logins.AcceptDjangoToken(t.Context(), token, a.clock.Now().Add(90*24*time.Hour), models.RequestInfo{})
	require.Equal(t, err == nil, session != nil)
	return err
}

func TestLoginManager_AcceptDjangoToken_OpensOneSessionForAllOfAUsersTokens(t *testing.T) {
	t.Parallel()
	eachAdopter(t, func(t *testing.T, a adopter) {
		require.NoError(t, a.adopt(t, annsToken))
		require.NoError(t, a.adopt(t, tokens.DjangoToken{UserID: "7", ID: "a2"}))
		ann := a.stored(t)["ann@example.com"]
		live, err := a.sessions.Live(t.Context(), ann.ID)
		require.NoError(t, err)
		require.Len(t, live, 1)
		require.Equal(t, models.AuthenticatedByDjango, live[0].AuthMethod)
		require.NoError(t, a.sessions.EndAll(t.Context(), ann.ID, models.Ending{Reason: models.EndedByUser}))
		a.clock.Advance(30 * 24 * time.Hour)
		_, err = a.sessions.DeleteOver(t.Context(), 100)
		require.NoError(t, err)
		require.ErrorIs(t, a.adopt(t, annsToken), models.ErrSessionRevoked, "a week after it was ended too")
	})
}

func TestLoginManager_AcceptDjangoToken_LivesAsLongAsItIsUsed(t *testing.T) {
	t.Parallel()
	eachAdopter(t, func(t *testing.T, a adopter) {
		until := a.clock.Now().Add(80 * 24 * time.Hour)
		for range 4 {
			session, err := a.logins.AcceptDjangoToken(t.Context(), annsToken, until, models.RequestInfo{})
			require.NoError(t, err)
			require.Equal(t, "ann@example.com", session.User.Email)
			a.clock.Advance(20 * 24 * time.Hour)
		}
		_, err := a.logins.AcceptDjangoToken(t.Context(), annsToken, until, models.RequestInfo{})
		require.ErrorIs(t, err, models.ErrSessionExpired)
	})
}

func TestLoginManager_AcceptDjangoToken_Refuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(t *testing.T, a adopter) error
		token  tokens.DjangoToken
		err    error
	}{
		"an unknown user": {nil, tokens.DjangoToken{UserID: "8", ID: "a1"}, models.ErrUserNotFound},
		"an unknown UUID": {nil, tokens.DjangoToken{UserID: "8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10"}, models.ErrUserNotFound},
		"an inactive user": {func(t *testing.T, a adopter) error {
			return a.db.Model(&models.User{}).Where("TRUE").Update("is_active", false).Error
		}, annsToken, models.ErrAccountInactive},
		"after a new password": {func(t *testing.T, a adopter) error {
			return a.SetPassword(t.Context(), "ann@example.com", strongPassword)
		}, annsToken, models.ErrSessionRevoked},
		"after a new password, of a session": {func(t *testing.T, a adopter) error {
			require.NoError(t, a.adopt(t, annsToken))
			return a.SetPassword(t.Context(), "ann@example.com", strongPassword)
		}, annsToken, models.ErrSessionRevoked},
		"after the account was disabled and enabled": {func(t *testing.T, a adopter) error {
			require.NoError(t, a.Deactivate(t.Context(), "ann@example.com"))
			return a.Activate(t.Context(), "ann@example.com")
		}, annsToken, models.ErrSessionRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			eachAdopter(t, func(t *testing.T, a adopter) {
				if c.before != nil {
					require.NoError(t, c.before(t, a))
				}
				require.ErrorIs(t, a.adopt(t, c.token), c.err)
				_, err := a.logins.ExchangeDjangoToken(t.Context(), c.token, models.RequestInfo{})
				require.ErrorIs(t, err, c.err)
			})
		})
	}
}

// A client of SimpleJWT that keeps its refresh token, and one that takes the new one, both stay logged in; who comes back
// with the old one after the new one was used holds a copy.
func TestLoginManager_ExchangeDjangoToken(t *testing.T) {
	t.Parallel()
	eachAdopter(t, func(t *testing.T, a adopter) {
		token := tokens.DjangoToken{UserID: "7", ID: "r1"}
		exchange := func() *models.SessionTokens {
			t.Helper()
			grant, err := a.logins.ExchangeDjangoToken(t.Context(), token, models.RequestInfo{})
			require.NoError(t, err)
			return grant
		}
		first := exchange()
		require.Equal(t, "ann@example.com", first.User.Email)
		require.Equal(t, first.RefreshToken, exchange().RefreshToken, "a retry gets the same answer")
		for range 3 {
			a.clock.Advance(time.Hour)
			require.Equal(t, first.Session.ID, exchange().Session.ID)
		}
		last := exchange()
		require.NotEqual(t, first.RefreshToken, last.RefreshToken)
		_, err := a.sessions.Refresh(t.Context(), last.RefreshToken, models.RequestInfo{})
		require.NoError(t, err)
		_, err = a.logins.ExchangeDjangoToken(t.Context(), token, models.RequestInfo{})
		require.ErrorIs(t, err, models.ErrRefreshTokenReused)
		_, err = a.logins.ExchangeDjangoToken(t.Context(), token, models.RequestInfo{})
		require.ErrorIs(t, err, models.ErrSessionRevoked)
		require.NoError(t, a.adopt(t, annsToken), "the session of access tokens is another one")
	})
}

// endings are all ways in which users and operators end what was issued to an account.
func endings() map[string]func(f *faulty, user *models.User) error {
	byLogout, byOperator := models.Ending{Reason: models.EndedByLogout}, models.Ending{Reason: models.EndedByOperator}
	from := models.RequestInfo{}
	return map[string]func(f *faulty, user *models.User) error{
		"logged out everywhere": func(f *faulty, user *models.User) error {
			return f.Sessions.EndAll(f.t.Context(), user.ID, byLogout)
		},
		"logged out everywhere else": func(f *faulty, user *models.User) error {
			return f.Sessions.EndOthers(f.t.Context(), user.ID, f.open(user).Session.ID, byLogout)
		},
		"the sessions ended": func(f *faulty, user *models.User) error {
			_, err := f.Users.EndSessions(f.t.Context(), user.Email)
			return err
		},
		"everyone's sessions ended": func(f *faulty, _ *models.User) error {
			_, err := f.Sessions.EndEveryone(f.t.Context(), byOperator)
			return err
		},
		"the password changed": func(f *faulty, user *models.User) error {
			change := models.PasswordChange{Current: testkit.Password, New: testkit.OtherPassword, Session: f.open(user).Session}
			return f.Users.ChangePassword(f.t.Context(), user, change)
		},
		"the password set": func(f *faulty, user *models.User) error {
			return f.Users.SetPassword(f.t.Context(), user.Email, testkit.OtherPassword)
		},
		"the password reset": func(f *faulty, user *models.User) error {
			proof := f.mailed(user, mail.ResetPassword, uuid.New())
			return f.reset(proof)
		},
		"a change of address undone": func(f *faulty, user *models.User) error {
			proof := f.changing(user)
			require.NoError(f.t, f.Verifications.VerifyEmail(f.t.Context(), proof, models.Owner{UserID: user.ID}, from))
			undo := f.mailed(user, models.PurposeUndoChange, f.newest(user, models.PurposeUndoChange)).Token
			return f.Verifications.UndoEmailChange(f.t.Context(), undo, from)
		},
		"the account disabled": func(f *faulty, user *models.User) error {
			require.NoError(f.t, f.Users.Deactivate(f.t.Context(), user.Email))
			return f.Users.Activate(f.t.Context(), user.Email)
		},
		"the deletion asked for": func(f *faulty, user *models.User) error {
			deletion := models.AccountDeletion{Password: testkit.Password, Grace: time.Hour}
			require.NoError(f.t, f.Users.RequestDeletion(f.t.Context(), user, deletion))
			return f.login(user, testkit.Password, "") // calls it off
		},
	}
}

// presented presents a token of Django's as an access token and as a refresh token.
func (f *faulty) presented(token tokens.DjangoToken) (access, refresh error) {
	_, access = f.Logins.AcceptDjangoToken(f.t.Context(), token, f.clock.Now().Add(90*24*time.Hour), models.RequestInfo{})
	_, refresh = f.Logins.ExchangeDjangoToken(f.t.Context(), token, models.RequestInfo{})
	return access, refresh
}

func (f *faulty) requireEnded(tokens ...tokens.DjangoToken) {
	f.t.Helper()
	for _, token := range tokens {
		access, refresh := f.presented(token)
		require.ErrorIs(f.t, access, models.ErrSessionRevoked)
		require.ErrorIs(f.t, refresh, models.ErrSessionRevoked)
	}
}

// What a user ends is ended for every token that Django ever issued, presented before or not, and whatever the audit log forgets.
func TestLoginManager_DjangoTokens_EndWithWhatTheirUserEnds(t *testing.T) {
	t.Parallel()
	for name, end := range endings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
				f := newFaulty(t, db)
				user := f.user()
				issued := func(id string) tokens.DjangoToken {
					return tokens.DjangoToken{UserID: user.ID.String(), ID: id, IssuedAt: f.clock.Now().Truncate(time.Second)}
				}
				f.clock.Advance(time.Minute)
				old, undated := issued("old"), tokens.DjangoToken{UserID: user.ID.String(), ID: "undated"}
				f.clock.Advance(700 * time.Millisecond)
				require.NoError(t, end(f, user))
				require.NoError(t, db.Where("TRUE").Delete(&models.AuditEvent{}).Error)
				f.requireEnded(old, undated)
				f.clock.Advance(time.Minute)
				access, refresh := f.presented(issued("new"))
				require.NoError(t, errors.Join(access, refresh), "what was issued later is of use")
				f.requireEnded(old, undated)
			})
		})
	}
}

// The session that a change of password keeps may be one that a token of Django's opened, and whose client goes on presenting
// that token.
func TestLoginManager_ExchangeDjangoToken_GoesOnInTheSessionThatWasKept(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		f := newFaulty(t, db)
		user := f.user()
		token := tokens.DjangoToken{UserID: user.ID.String(), ID: "r1"}
		opened, err := f.Logins.ExchangeDjangoToken(t.Context(), token, models.RequestInfo{})
		require.NoError(t, err)
		change := models.PasswordChange{Current: testkit.Password, New: testkit.OtherPassword, Session: opened.Session}
		require.NoError(t, f.Users.ChangePassword(t.Context(), user, change))
		_, err = f.Logins.ExchangeDjangoToken(t.Context(), token, models.RequestInfo{})
		require.NoError(t, err)

		// Clients that renew access tokens hold one of ours by then.
		token.Renewable = true
		_, err = f.Logins.ExchangeDjangoToken(t.Context(), token, models.RequestInfo{})
		require.ErrorIs(t, err, models.ErrSessionRevoked)
	})
}

// Programs before tokens_valid_after recorded in the audit log alone that tokens had ended. It holds while they serve, and when
// the log has forgotten it.
func TestUserManager_KeepRecordedEnds_OutlivesTheAuditLog(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		f := newFaulty(t, db)
		var ended []tokens.DjangoToken
		recorded := func(kind, detail string) tokens.DjangoToken {
			user := f.user()
			require.NoError(t, db.Create(&models.AuditEvent{
				ID: uuid.New(), Kind: kind, UserID: user.ID, Detail: detail, CreatedAt: f.clock.Now(),
			}).Error)
			return tokens.DjangoToken{UserID: user.ID.String(), ID: "a1", IssuedAt: f.clock.Now().Add(-time.Hour)}
		}
		for _, kind := range []string{models.EventPasswordChanged, models.EventAccountDisabled, models.EventDeletionAsked} {
			ended = append(ended, recorded(kind, ""))
		}
		imported, other := recorded(models.EventPasswordChanged, models.DetailImported), recorded(models.EventLoginSucceeded, "")
		f.requireEnded(ended...)
		for _, changed := range []int64{2, 1, 0} {
			kept, err := f.Users.KeepRecordedEnds(t.Context(), 2)
			require.NoError(t, err)
			require.Equal(t, changed, kept)
		}
		require.NoError(t, db.Where("TRUE").Delete(&models.AuditEvent{}).Error)
		f.requireEnded(ended...)
		for _, token := range []tokens.DjangoToken{imported, other} {
			access, refresh := f.presented(token)
			require.NoError(t, errors.Join(access, refresh))
		}
	})
}
