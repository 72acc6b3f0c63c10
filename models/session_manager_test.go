package models_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/testkit"
)

// sessionFixture is a fixture with sessions, on a clock that the test moves.
type sessionFixture struct {
	fixture
	sessions *models.SessionManager
	clock    *testkit.Clock
}

var testRules = models.SessionRules{Idle: 24 * time.Hour, Lifetime: 72 * time.Hour, Grace: grace}

func newSessionFixture(t *testing.T, db *gorm.DB, clock *testkit.Clock, rules models.SessionRules) sessionFixture {
	t.Helper()
	f := newFixture(t, db, testkit.ManagerOptions{Now: clock.Now, Sessions: rules})
	return sessionFixture{f, f.managers.Sessions, clock}
}

func eachSession(t *testing.T, run func(t *testing.T, f sessionFixture)) {
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) { run(t, newSessionFixture(t, db, testkit.NewClock(), testRules)) })
}

func (f sessionFixture) open(t *testing.T, user *models.User) *models.SessionTokens {
	t.Helper()
	grant, err := f.managers.Logins.Open(t.Context(), user, models.RequestInfo{ClientName: "phone", UserAgent: "app/1", IP: "192.0.2.1"})
	require.NoError(t, err)
	return grant
}

func (f sessionFixture) refresh(t *testing.T, token string) (*models.SessionTokens, error) {
	t.Helper()
	return f.sessions.Refresh(t.Context(), token, models.RequestInfo{IP: "192.0.2.2", RequestID: "request-1"})
}

func (f sessionFixture) events(t *testing.T, kind string) []models.AuditEvent {
	t.Helper()
	var events []models.AuditEvent
	require.NoError(t, f.db.Where("kind = ?", kind).Find(&events).Error)
	return events
}

func TestLoginManager_Open_StoresTheSessionAndTheLogin(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		user := f.create(t, "ann@example.com")
		grant := f.open(t, user)
		require.Equal(t, 24*time.Hour, grant.RefreshExpiresIn)
		session, err := f.sessions.Authenticated(t.Context(), grant.Session.ID, user.ID)
		require.NoError(t, err)
		require.Equal(t, "phone", session.ClientName)
		require.Equal(t, f.clock.Now(), *session.User.LastLogin)
		require.Equal(t, f.clock.Now().Add(72*time.Hour), session.ExpiresAt)
	})
}

func TestLoginManager_Open_RefusesOnceThePasswordOrTheAccountChanged(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		for column, value := range map[string]any{"password": "another", "is_active": false} {
			user := f.create(t, column+"@example.com")
			read := *user
			f.set(t, user, column, value)
			_, err := f.managers.Logins.Open(t.Context(), &read, models.RequestInfo{})
			require.ErrorIs(t, err, models.ErrInvalidCredentials, column)
		}
		var sessions int64
		require.NoError(t, f.db.Model(&models.Session{}).Count(&sessions).Error)
		require.Zero(t, sessions)
	})
}

func TestSessionManager_Refresh_ExpiresUnusedAndInTheEnd(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		user := f.create(t, "ann@example.com")
		unused := f.open(t, user)
		used := f.open(t, user)
		for range 3 {
			f.clock.Advance(23 * time.Hour)
			grant, err := f.refresh(t, used.RefreshToken)
			require.NoError(t, err)
			used = grant
		}
		require.Equal(t, 3*time.Hour, used.RefreshExpiresIn, "the absolute end is nearer")
		_, err := f.refresh(t, unused.RefreshToken)
		require.ErrorIs(t, err, models.ErrSessionExpired)
		_, err = f.sessions.Authenticated(t.Context(), unused.Session.ID, user.ID)
		require.ErrorIs(t, err, models.ErrSessionExpired)
		f.clock.Advance(3 * time.Hour)
		_, err = f.refresh(t, used.RefreshToken)
		require.ErrorIs(t, err, models.ErrSessionExpired)
	})
}

func TestSessionManager_Refresh_ReturnsTheUserAsTheyAreNow(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		user := f.create(t, "ann@example.com")
		grant := f.open(t, user)
		require.NoError(t, f.Promote(t.Context(), user.Email))
		grant, err := f.refresh(t, grant.RefreshToken)
		require.NoError(t, err)
		require.Equal(t, []string{"staff", "superuser"}, grant.User.Roles())
		f.set(t, user, "is_active", false)
		_, err = f.refresh(t, grant.RefreshToken)
		require.ErrorIs(t, err, models.ErrAccountInactive)
		f.set(t, user, "is_active", true)
		_, err = f.refresh(t, grant.RefreshToken)
		require.NoError(t, err, "a refused refresh redeems nothing")
		require.NoError(t, f.db.Delete(user).Error)
		_, err = f.refresh(t, grant.RefreshToken)
		require.ErrorIs(t, err, models.ErrSessionExpired)
		_, err = f.sessions.Authenticated(t.Context(), grant.Session.ID, user.ID)
		require.ErrorIs(t, err, models.ErrAccountInactive)
	})
}

func TestSessionManager_Refresh_ReuseEndsTheSessionAndIsRecorded(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		user := f.create(t, "ann@example.com")
		first, other := f.open(t, user), f.open(t, user)
		second, err := f.refresh(t, first.RefreshToken)
		require.NoError(t, err)
		third, err := f.refresh(t, second.RefreshToken)
		require.NoError(t, err)
		_, err = f.refresh(t, first.RefreshToken)
		require.ErrorIs(t, err, models.ErrRefreshTokenReused)
		for _, grant := range []*models.SessionTokens{first, second, third} {
			_, err = f.refresh(t, grant.RefreshToken)
			require.ErrorIs(t, err, models.ErrSessionRevoked)
		}
		events := f.events(t, models.EventRefreshTokenReused)
		require.Len(t, events, 1)
		require.Equal(t, []any{user.ID, first.Session.ID, "192.0.2.2", "request-1"},
			[]any{events[0].UserID, events[0].SessionID, events[0].IP, events[0].RequestID})
		_, err = f.refresh(t, other.RefreshToken)
		require.NoError(t, err, "the user's other sessions go on")
	})
}

func TestSessionManager_Refresh_SimultaneousOnesAgreeOnOneChild(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		grant := f.open(t, f.create(t, "ann@example.com"))
		const racers = 20
		children := make([]string, racers)
		errs := make([]error, racers)
		var group sync.WaitGroup
		for i := range racers {
			group.Go(func() {
				answer, err := f.sessions.Refresh(context.Background(), grant.RefreshToken, models.RequestInfo{})
				if errs[i] = err; err == nil {
					children[i] = answer.RefreshToken
				}
			})
		}
		group.Wait()
		require.NoError(t, errors.Join(errs...))
		for _, child := range children {
			require.Equal(t, children[0], child)
		}
		var sessions int64
		require.NoError(t, f.db.Model(&models.Session{}).Count(&sessions).Error)
		require.EqualValues(t, 1, sessions, "a refresh adds no row")
	})
}

// Once a logout, a disabling or a deletion has answered, nothing that a racing refresh was given works.
func TestSessionManager_Refresh_RacingAnEndLeavesNothingThatWorks(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		for name, finish := range map[string]func(user *models.User, session *models.Session) error{
			"logout": func(user *models.User, session *models.Session) error {
				return f.sessions.End(context.Background(), user.ID, session.ID, models.Ending{Reason: models.EndedByLogout})
			},
			"disabling": func(user *models.User, _ *models.Session) error {
				return f.db.Model(user).Update("is_active", false).Error
			},
			"deletion": func(user *models.User, _ *models.Session) error { return f.db.Delete(user).Error },
		} {
			for i := range 5 {
				user := f.create(t, name+string(rune('a'+i))+"@example.com")
				grant := f.open(t, user)
				var group sync.WaitGroup
				answers := [5]*models.SessionTokens{grant}
				for i := range answers[1:] {
					group.Go(func() {
						answers[i+1], _ = f.sessions.Refresh(context.Background(), grant.RefreshToken, models.RequestInfo{})
					})
				}
				require.NoError(t, finish(user, grant.Session), name)
				group.Wait()
				for _, answer := range answers {
					if answer == nil {
						continue
					}
					_, err := f.refresh(t, answer.RefreshToken)
					require.Error(t, err, name)
					_, err = f.sessions.Authenticated(t.Context(), answer.Session.ID, user.ID)
					require.Error(t, err, name)
				}
			}
		}
	})
}

func TestSessionManager_Inspect_RedeemsNothingButNoticesReuse(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		first := f.open(t, f.create(t, "ann@example.com"))
		session, err := f.sessions.Inspect(t.Context(), first.RefreshToken, models.RequestInfo{})
		require.NoError(t, err)
		require.Equal(t, first.Session.ID, session.ID)
		second, err := f.refresh(t, first.RefreshToken)
		require.NoError(t, err)
		_, err = f.refresh(t, second.RefreshToken)
		require.NoError(t, err)
		_, err = f.sessions.Inspect(t.Context(), "lkr_x", models.RequestInfo{})
		require.ErrorIs(t, err, models.ErrRefreshTokenInvalid)
		_, err = f.sessions.Inspect(t.Context(), first.RefreshToken, models.RequestInfo{})
		require.ErrorIs(t, err, models.ErrRefreshTokenReused)
		require.Len(t, f.events(t, models.EventRefreshTokenReused), 1)
	})
}

func TestSessionManager_DeleteOver_DeletesInBatches(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		user := f.create(t, "ann@example.com")
		for range 5 {
			f.open(t, user)
		}
		require.NoError(t, f.sessions.EndAll(t.Context(), user.ID, models.Ending{Reason: models.EndedByLogout}))
		deleted, err := f.sessions.DeleteOver(t.Context(), 3)
		require.NoError(t, err)
		require.Zero(t, deleted, "a client that comes back is told why")
		f.clock.Advance(9 * 24 * time.Hour)
		live := f.open(t, user)
		for _, want := range []int64{3, 2, 0} {
			deleted, err := f.sessions.DeleteOver(t.Context(), 3)
			require.NoError(t, err)
			require.Equal(t, want, deleted)
		}
		_, err = f.refresh(t, live.RefreshToken)
		require.NoError(t, err)
	})
}

func TestLoginManager_Open_CutsWhatAClientSaysOfItself(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		user := f.create(t, "ann@example.com")
		grant, err := f.managers.Logins.Open(t.Context(), user, models.RequestInfo{
			ClientName: "a\x00\x1b[31m\xff" + strings.Repeat("é", 200), UserAgent: strings.Repeat("x", 1000), IP: strings.Repeat("1", 99),
		})
		require.NoError(t, err)
		require.Equal(t, "a[31m"+strings.Repeat("é", 95), grant.Session.ClientName)
		require.Len(t, grant.Session.UserAgent, 400)
		require.Len(t, grant.Session.IP, 45)
	})
}
