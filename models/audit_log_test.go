package models_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"strconv"
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

func TestAuditLog_Counts_WhatWasCommitted(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		clock := testkit.NewClock()
		audit := models.NewAuditLog(db, models.Notices{}, slog.New(slog.DiscardHandler), clock.Now)
		store := models.NewStore(db, audit, clock.Now)
		failed := errors.New("failed")
		record := func(kind string, result error) func(models.Tx) error {
			return func(tx models.Tx) error { return errors.Join(tx.Record(models.AuditEvent{Kind: kind}), result) }
		}
		require.ErrorIs(t, store.Transaction(t.Context(), record(models.EventSignedUp, failed)), failed)
		require.NoError(t, store.Transaction(t.Context(), func(tx models.Tx) error {
			require.ErrorIs(t, tx.Savepoint(record(models.EventAccountLocked, failed)), failed)
			require.NoError(t, tx.Savepoint(record(models.EventNewDevice, nil)))
			require.Zero(t, audit.Counts()[models.EventNewDevice], "not committed yet")
			return record(models.EventSignedUp, nil)(tx)
		}))
		counts := audit.Counts()
		require.Len(t, counts, len(models.EventKinds()))
		for kind, count := range counts {
			if kind == models.EventSignedUp || kind == models.EventNewDevice {
				require.EqualValues(t, 1, count, kind)
			} else {
				require.Zero(t, count, kind)
			}
		}
	})
}

func TestEventKinds_HasEveryConstant(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "audit_log.go", nil, 0)
	require.NoError(t, err)
	var declared []string
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Event") {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			declared = append(declared, text)
		}
		return true
	})
	require.ElementsMatch(t, declared, models.EventKinds())
}
