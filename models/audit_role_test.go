package models_test

import (
	"crypto/rand"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/models"
	"latchkey/testkit"
)

// asRole returns a connection to a new PostgreSQL database as its owner, and one as a role that has the rights which docs/abuse.md
// gives to the service.
func asRole(t *testing.T) (owner, service *gorm.DB) {
	t.Helper()
	cluster := testkit.Cluster(t)
	address, err := cluster.CreateDatabase(t.Context())
	require.NoError(t, err)
	migrator, err := database.NewMigrator(address, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, err = migrator.Up(t.Context())
	require.NoError(t, err)
	require.NoError(t, migrator.Close())
	open := func(address string) *gorm.DB {
		db, err := database.Open(address, database.Options{Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, database.Close(db)) })
		return db
	}
	owner = open(address)
	role := "app_" + strings.ToLower(rand.Text())
	require.NoError(t, owner.Exec("CREATE ROLE "+role+" LOGIN PASSWORD 'a password'").Error)
	document, err := os.ReadFile(filepath.Join(testkit.Sources, "docs", "abuse.md"))
	require.NoError(t, err)
	_, grants, found := strings.Cut(string(document), "```sql\n")
	require.True(t, found)
	grants, _, _ = strings.Cut(grants, "```")
	for statement := range strings.SplitSeq(strings.TrimSpace(grants), "\n") {
		require.NoError(t, owner.Exec(strings.ReplaceAll(statement, "latchkey_app", role)).Error, statement)
	}
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	parsed.User = url.UserPassword(role, "a password")
	return owner, open(parsed.String())
}

// The service's role of docs/abuse.md can do what the audit log does, and can't rewrite what it recorded.
func TestAuditLog_WorksForARoleThatCantRewriteIt(t *testing.T) {
	t.Parallel()
	owner, service := asRole(t)
	user, store := uuid.New(), testkit.NewStore(service, time.Now)
	record := func(kind string) error {
		return store.Transaction(t.Context(), func(tx models.Tx) error {
			return tx.Record(models.AuditEvent{Kind: kind, UserID: user})
		})
	}
	require.NoError(t, record(models.EventSignedUp))
	require.NoError(t, record(models.EventLoginFailed))
	require.NoError(t, record(models.EventLoginFailed))
	require.EqualValues(t, 2, times(t, service, models.EventLoginFailed, ""))

	const denied = "42501" // insufficient_privilege
	require.ErrorContains(t, service.Exec("UPDATE audit_events SET kind = 'signed_up'").Error, denied)
	require.ErrorContains(t, service.Exec("UPDATE audit_events SET user_id = ?", uuid.New()).Error, denied)
	require.ErrorContains(t, service.Exec("UPDATE audit_events SET created_at = now()").Error, denied)
	require.ErrorContains(t, service.Exec("TRUNCATE audit_events").Error, denied)
	rewritten := service.Exec("UPDATE audit_events SET ip = ''")
	require.NoError(t, rewritten.Error)
	require.EqualValues(t, 1, rewritten.RowsAffected, "only what is folded")
	deleted := service.Exec("DELETE FROM audit_events")
	require.NoError(t, deleted.Error)
	require.Zero(t, deleted.RowsAffected)

	require.NoError(t, owner.Exec("UPDATE audit_events SET created_at = now() - interval '25 hours'").Error)
	audit := models.NewAuditLog(service, models.Notices{}, slog.New(slog.DiscardHandler), time.Now)
	purged, err := audit.DeleteOld(t.Context(), 24*time.Hour, 500)
	require.NoError(t, err)
	require.EqualValues(t, 2, purged)
}
