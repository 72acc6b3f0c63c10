package models_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/models"
)

func TestSessionManager_ListAndEnd(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		ann, bob := f.create(t, "ann@example.com"), f.create(t, "bob@example.com")
		old := f.open(t, ann)
		f.clock.Advance(time.Hour)
		recent, third := f.open(t, ann), f.open(t, ann)
		foreign := f.open(t, bob)
		ids := func() (ids []uuid.UUID) {
			live, err := f.sessions.Live(t.Context(), ann.ID)
			require.NoError(t, err)
			for _, session := range live {
				ids = append(ids, session.ID)
			}
			return ids
		}
		require.Equal(t, []uuid.UUID{third.Session.ID, recent.Session.ID, old.Session.ID}, ids())
		require.ErrorIs(t, f.sessions.End(t.Context(), ann.ID, foreign.Session.ID, models.Ending{Reason: models.EndedByUser}), models.ErrSessionNotFound)
		require.ErrorIs(t, f.sessions.End(t.Context(), ann.ID, uuid.New(), models.Ending{Reason: models.EndedByUser}), models.ErrSessionNotFound)
		require.NoError(t, f.sessions.End(t.Context(), ann.ID, old.Session.ID, models.Ending{Reason: models.EndedByUser}))
		require.NoError(t, f.sessions.End(t.Context(), ann.ID, old.Session.ID, models.Ending{Reason: models.EndedByUser}), "done before")
		require.NoError(t, f.sessions.EndOthers(t.Context(), ann.ID, recent.Session.ID, models.Ending{Reason: models.EndedByLogout}))
		require.Equal(t, []uuid.UUID{recent.Session.ID}, ids())
		require.NoError(t, f.sessions.EndAll(t.Context(), ann.ID, models.Ending{Reason: models.EndedByLogout}))
		require.Empty(t, ids())
		_, err := f.refresh(t, foreign.RefreshToken)
		require.NoError(t, err)
	})
}
