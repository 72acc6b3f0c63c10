package models_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/testkit"
	"latchkey/tokens"
)

// Every token near every small state is decided as the rules say.
func TestSession_decide_EveryTokenInEverySmallState(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for state := range uint32(3 * 3 * 3) {
		session := models.Session{ID: uuid.New(), Generation: state / 9, RedeemedFork: state / 3 % 3, Fork: state % 3}
		for _, ago := range []time.Duration{0, grace, grace + 1, -time.Second} {
			redeemedAt := now.Add(-ago)
			session.RedeemedAt = &redeemedAt
			for presented := range uint32(5 * 4) {
				token := tokens.Handle{ID: session.ID, Counters: [2]uint32{presented / 4, presented % 4}}
				want := models.Reuse
				if token.Counters == [2]uint32{session.Generation, session.RedeemedFork} {
					want = models.Repeat
					if ago > grace {
						want = models.Refork
					}
				}
				if token.Counters == [2]uint32{session.Generation + 1, session.Fork} {
					want = models.Advance
				}
				if presented/4 > session.Generation+1 || presented/4 == session.Generation+1 && presented%4 > session.Fork {
					want = models.Ahead
				}
				require.Equal(t, want, session.Decide(token, now, grace), "%v in %+v", token.Counters, session)
			}
		}
	}
	fresh := models.Session{ID: uuid.New()}
	require.Equal(t, models.Reuse, fresh.Decide(tokens.Handle{ID: fresh.ID}, now, grace), "nothing was redeemed yet")
}

func TestSession_decide_NothingIsAheadOfTheHighestGeneration(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	last := models.Session{ID: uuid.New(), Generation: math.MaxUint32, RedeemedAt: &now}
	for _, generation := range []uint32{1, 2, math.MaxUint32 - 1} {
		token := tokens.Handle{ID: last.ID, Counters: [2]uint32{generation, 1}}
		require.Equal(t, models.Reuse, last.Decide(token, now, grace), generation)
	}
	before := models.Session{ID: uuid.New(), Generation: math.MaxUint32 - 2, RedeemedAt: &now}
	require.Equal(t, models.Ahead,
		before.Decide(tokens.Handle{ID: before.ID, Counters: [2]uint32{math.MaxUint32, 0}}, now, grace))
}

// A retry of the parent, late enough to replace the child, loses to the child if that is redeemed meanwhile: it must not
// set the session back.
func TestSessionManager_Refresh_DecidesAgainALateRetryThatLosesTheRace(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		parent := f.open(t, f.create(t, "ann@example.com"))
		child, err := f.refresh(t, parent.RefreshToken)
		require.NoError(t, err)
		f.clock.Advance(grace + time.Second)
		testkit.Between(t, f.db, func() {
			_, err := f.refresh(t, child.RefreshToken)
			require.NoError(t, err)
		})
		_, err = f.refresh(t, parent.RefreshToken)
		require.ErrorIs(t, err, models.ErrRefreshTokenReused)
	})
}

// What looked like reuse is looked at again if the session changed in between.
func TestSessionManager_Refresh_DecidesAgainAReuseThatLosesTheRace(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		parent := f.open(t, f.create(t, "ann@example.com"))
		child, err := f.refresh(t, parent.RefreshToken)
		require.NoError(t, err)
		grandchild, err := f.refresh(t, child.RefreshToken)
		require.NoError(t, err)
		testkit.Between(t, f.db, func() {
			_, err := f.refresh(t, grandchild.RefreshToken)
			require.NoError(t, err)
		})
		_, err = f.refresh(t, parent.RefreshToken)
		require.ErrorIs(t, err, models.ErrRefreshTokenReused)
		require.Len(t, f.events(t, models.EventRefreshTokenReused), 1)
	})
}

func TestSessionManager_Refresh_RefusesWhatLosesToALogout(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		user := f.create(t, "ann@example.com")
		for _, finish := range []func(session *models.Session) error{
			func(session *models.Session) error {
				return f.db.Exec("UPDATE sessions SET ended_at = ? WHERE id = ?", f.clock.Now(), session.ID).Error
			},
			func(*models.Session) error { return f.db.Exec("UPDATE users SET is_active = false").Error },
		} {
			grant := f.open(t, user)
			testkit.Between(t, f.db, func() { require.NoError(t, finish(grant.Session)) })
			_, err := f.refresh(t, grant.RefreshToken)
			require.Error(t, err)
			require.NoError(t, f.db.Callback().Query().Remove("interfere"))
		}
	})
}
