package models_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/tokens"
)

func TestSessionManager_OneSessionMoreEndsTheOneUsedLongestAgo(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		ann, bob := f.create(t, "ann@example.com"), f.create(t, "bob@example.com")
		foreign := f.open(t, bob)
		inUse := f.open(t, ann)
		f.clock.Advance(time.Second)
		oldest := f.open(t, ann)
		for range models.MaxSessions - 2 {
			f.clock.Advance(time.Second)
			f.open(t, ann)
		}
		inUse, err := f.refresh(t, inUse.RefreshToken)
		require.NoError(t, err)
		f.clock.Advance(-time.Hour) // a clock that goes back ends another session than the new one
		newest := f.open(t, ann)

		live, err := f.sessions.Live(t.Context(), ann.ID)
		require.NoError(t, err)
		require.Len(t, live, models.MaxSessions)
		ended := f.events(t, models.EventSessionEnded)
		require.Len(t, ended, 1)
		require.Equal(t, oldest.Session.ID, ended[0].SessionID)
		require.Equal(t, models.EndedByLimit, ended[0].Detail)
		_, err = f.refresh(t, oldest.RefreshToken)
		require.ErrorIs(t, err, models.ErrSessionRevoked)
		for _, kept := range []*models.SessionTokens{inUse, newest, foreign} {
			_, err = f.refresh(t, kept.RefreshToken)
			require.NoError(t, err)
		}
	})
}

// Sessions that were opened before there was a limit end with the next login.
func TestSessionManager_SessionsBeyondTheLimitEndTogether(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		ann := f.create(t, "ann@example.com")
		now := f.clock.Now()
		many := make([]models.Session, 402)
		for i := range many {
			many[i] = models.Session{
				ID: uuid.New(), UserID: ann.ID, CreatedAt: now, LastUsedAt: now.Add(-time.Duration(i) * time.Second), ExpiresAt: now.Add(time.Hour),
			}
		}
		require.NoError(t, f.db.CreateInBatches(many, 100).Error)
		f.open(t, ann)
		_, more, err := f.sessions.List(t.Context(), ann.ID, models.SessionPage{Limit: models.MaxSessions})
		require.NoError(t, err)
		require.False(t, more)
		require.Len(t, f.events(t, models.EventSessionEnded), 402+1-models.MaxSessions)
	})
}

func TestLoginManager_ExchangeDjangoToken_KeepsToTheLimitOfSessions(t *testing.T) {
	t.Parallel()
	eachAdopter(t, func(t *testing.T, a adopter) {
		for range models.MaxSessions + 3 {
			a.clock.Advance(time.Second)
			_, err := a.logins.ExchangeDjangoToken(t.Context(), tokens.DjangoToken{UserID: "7", ID: uuid.NewString()}, models.RequestInfo{})
			require.NoError(t, err)
		}
		_, more, err := a.sessions.List(t.Context(), a.stored(t)["ann@example.com"].ID, models.SessionPage{Limit: models.MaxSessions})
		require.NoError(t, err)
		require.False(t, more)
	})
}
