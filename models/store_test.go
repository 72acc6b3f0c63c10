package models_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/mail"
	"latchkey/models"
	"latchkey/testkit"
)

// A clock that moves on at every look would leave as many times as looks.
func TestStore_Transaction_AllRowsBearOneMoment(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		var looks atomic.Int64
		now := func() time.Time { return noon.Add(time.Duration(looks.Add(1)) * time.Millisecond) }
		f := newFixture(t, db, testkit.ManagerOptions{Now: now})
		user := f.create(t, "ann@example.com")
		for range 3 {
			_, err := f.managers.Logins.Open(t.Context(), user, models.RequestInfo{UserAgent: "app/1"})
			require.NoError(t, err)
		}
		pending := models.OneTimeToken{
			ID: uuid.New(), UserID: user.ID, Purpose: mail.ResetPassword, Address: user.Email,
			CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
		}
		require.NoError(t, db.Create(&pending).Error)
		before := now().UTC()
		change := models.PasswordChange{Current: strongPassword, New: "another horse, another staple"}
		require.NoError(t, f.ChangePassword(t.Context(), user, change))

		var sessions, tokens, events []time.Time
		require.NoError(t, db.Model(&models.Session{}).Pluck("ended_at", &sessions).Error)
		require.NoError(t, db.Model(&models.OneTimeToken{}).Pluck("ended_at", &tokens).Error)
		require.NoError(t, db.Model(&models.AuditEvent{}).Where("created_at > ?", before).Pluck("created_at", &events).Error)
		require.Len(t, sessions, 3)
		require.Len(t, tokens, 1)
		require.Len(t, events, 1+len(sessions))
		for _, written := range append(append(sessions, tokens...), events...) {
			require.Equal(t, events[0].UTC(), written.UTC())
		}
	})
}

func TestRetry_RepeatsWhatAnotherWasQuickerAt(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		user := newFixture(t, db, testkit.ManagerOptions{}).create(t, "ann@example.com")
		names, tries := []string{"wrong", ""}, 0
		require.NoError(t, models.Retry(func() error {
			tries++
			return models.Claim(db.Model(&models.User{}).
				Where("id = ? AND first_name = ?", user.ID, names[tries-1]).Update("first_name", "Ann"))
		}))
		require.Equal(t, 2, tries)
		broken := errors.New("broken")
		require.ErrorIs(t, models.Retry(func() error { return broken }), broken)
	})
}
