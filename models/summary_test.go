package models_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/testkit"
)

func TestSummarize_CountsWhoCanBeRecognized(t *testing.T) {
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		clock := testkit.NewClock()
		summary, err := models.Summarize(t.Context(), db, clock.Now())
		require.NoError(t, err)
		require.Zero(t, summary)

		managers := testkit.NewManagers(t, db, testkit.ManagerOptions{Now: clock.Now})
		for _, email := range []string{"ann@example.com", "bob@example.com", "cy@example.com"} {
			user, err := managers.Users.CreateUser(t.Context(), models.NewUser{Email: email, Password: testkit.Password})
			require.NoError(t, err)
			require.NoError(t, managers.Users.Promote(t.Context(), email))
			_, err = managers.Logins.Open(t.Context(), user, models.RequestInfo{})
			require.NoError(t, err)
		}
		_, err = managers.Users.EndSessions(t.Context(), "cy@example.com")
		require.NoError(t, err)
		require.NoError(t, db.Exec("UPDATE users SET deletion_due_at = ? WHERE email = ?", clock.Now(), "bob@example.com").Error)
		require.NoError(t, db.Exec("UPDATE users SET is_active = ? WHERE email = ?", false, "cy@example.com").Error)
		summary, err = models.Summarize(t.Context(), db, clock.Now())
		require.NoError(t, err)
		require.Equal(t, models.Summary{Users: 3, Sessions: 2, Superusers: 1, NewestEvent: clock.Now().UTC().Truncate(time.Microsecond)}, summary)
		summary, err = models.Summarize(t.Context(), db, clock.Now().Add(365*24*time.Hour))
		require.NoError(t, err)
		require.Zero(t, summary.Sessions)
	})
}

func TestSummarize_AnOlderSchemaHasLess(t *testing.T) {
	db := testkit.SQLite(t)
	for _, statement := range []string{"DROP TABLE one_time_tokens", "DROP TABLE audit_events", "DROP TABLE sessions",
		"DROP INDEX idx_users_deletion_due_at", "ALTER TABLE users DROP COLUMN deletion_due_at"} {
		require.NoError(t, db.Exec(statement).Error)
	}
	summary, err := models.Summarize(t.Context(), db, time.Now())
	require.NoError(t, err)
	require.Zero(t, summary)
}
