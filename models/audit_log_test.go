package models_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/testkit"
)

func TestAuditLog_RecordsWhoWhomAndWhereAndNoSecret(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		clock, log := testkit.NewClock(), &testkit.Log{}
		logged := newFixture(t, db, testkit.ManagerOptions{Now: clock.Now, Log: slog.New(slog.NewJSONHandler(log, nil))})
		f := sessionFixture{logged, logged.managers.Sessions, clock}
		require.NoError(t, f.db.Create(&models.User{ID: uuid.New(), Email: "ann@example.com", IsActive: true, DateJoined: clock.Now()}).Error)
		require.NoError(t, f.Promote(t.Context(), "ann@example.com"))
		logins := loginFixture{f, f.managers.Logins}
		for _, email := range []string{"ann@example.com", "my-secret-pass@example.com"} {
			_, err := logins.try(email, "hunter2 hunter2", "")
			require.ErrorIs(t, err, models.ErrInvalidCredentials)
		}
		require.Equal(t, 3, strings.Count(log.String(), "security event"))
		require.Contains(t, log.String(), `"event":"roles_changed"`)
		require.Contains(t, log.String(), `"ip":"203.0.113.9","request_id":"request-9"`)
		require.NotRegexp(t, "hunter2|secret-pass", log.String())
		events := f.events(t, models.EventLoginFailed)
		require.Len(t, events, 2)
		require.Equal(t, "request-9", events[0].RequestID)

		clock.Advance(time.Hour)
		for _, want := range []int64{2, 1, 0} {
			deleted, err := f.managers.Audit.DeleteOld(t.Context(), time.Minute, 2)
			require.NoError(t, err)
			require.Equal(t, want, deleted)
		}
	})
}
