package models_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

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
		live, err := a.sessions.List(t.Context(), ann.ID)
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
