package routes_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/testkit"
)

const exportPath = "/api/v1/profile/export"

// signUpWithHistory signs up an account and gives it so many events.
func signUpWithHistory(t *testing.T, app *testkit.App, events int) (access string) {
	t.Helper()
	access = app.Signup(t, annAddress)
	var ann models.User
	require.NoError(t, app.DB.Take(&ann).Error)
	history := make([]models.AuditEvent, events)
	for i := range history {
		id, err := uuid.NewV7()
		require.NoError(t, err)
		history[i] = models.AuditEvent{ID: id, Kind: models.EventNewDevice, UserID: ann.ID, CreatedAt: app.Clock.Now(), Count: 1}
	}
	require.NoError(t, app.DB.CreateInBatches(history, 500).Error)
	return access
}

// onEvents calls do after each query of the audit log.
func onEvents(t *testing.T, app *testkit.App, do func(db *gorm.DB)) {
	t.Helper()
	require.NoError(t, app.DB.Callback().Query().After("gorm:query").Register("watch", func(db *gorm.DB) {
		if db.Statement.Table == "audit_events" {
			do(db)
		}
	}))
}

func TestAccountExport_HoldsOnePageAtATime(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		const history = 5000
		access := signUpWithHistory(t, app, history)
		require.Equal(t, http.StatusUnauthorized, tryLogin(t, app, annAddress, "a wrong guess").status)
		require.Equal(t, http.StatusUnauthorized, tryLogin(t, app, annAddress, "a wrong guess").status)
		var most atomic.Int64
		onEvents(t, app, func(db *gorm.DB) {
			if _, isWhole := db.Statement.Dest.(*[]models.AuditEvent); isWhole { // not only ids
				most.Store(max(most.Load(), db.RowsAffected))
			}
		})
		answer := app.Get(t, exportPath, access)
		require.Equal(t, http.StatusOK, answer.Status)
		require.LessOrEqual(t, most.Load(), int64(1000), "rows at once")
		var export struct {
			AuditEvents []struct {
				Kind   string     `json:"kind"`
				Count  int        `json:"count"`
				LastAt *time.Time `json:"last_at"`
			} `json:"audit_events"`
		}
		require.NoError(t, json.Unmarshal([]byte(answer.Body), &export))
		require.Len(t, export.AuditEvents, history+3, "signed up, logged in, failed")
		for _, event := range export.AuditEvents {
			if event.Kind == models.EventLoginFailed {
				require.Equal(t, 2, event.Count)
				require.NotNil(t, event.LastAt)
			} else {
				require.Equal(t, 1, event.Count)
				require.Nil(t, event.LastAt)
			}
		}
	})
}

// A client must not take the beginning of an export for all of it.
func TestAccountExport_AnErrorHalfwayBreaksTheConnection(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := signUpWithHistory(t, app, 5000)
		queries := 0
		onEvents(t, app, func(db *gorm.DB) {
			if queries++; queries == 4 { // the ids, and two pages before
				_ = db.AddError(context.DeadlineExceeded)
			}
		})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app.URL+exportPath, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+access)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.False(t, json.Valid(body))
		// The log and the metrics know it as what it was. The line is written after the connection has ended.
		require.Eventually(t, func() bool {
			return strings.Contains(app.Log.String(), `"route":"`+exportPath+`","status":503`)
		}, testkit.Patience, 10*time.Millisecond)
		families, err := app.Server.Metrics.Gather()
		require.NoError(t, err)
		counted := false
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				counted = counted || family.GetName() == "latchkey_http_request_duration_seconds" &&
					strings.Contains(metric.String(), exportPath) && strings.Contains(metric.String(), `"503"`)
			}
		}
		require.True(t, counted)
	})
}

// An error before anything was sent is a response like any other.
func TestAccountExport_AnErrorAtTheBeginningIsAProblem(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	access := app.Signup(t, annAddress)
	onEvents(t, app, func(db *gorm.DB) { _ = db.AddError(context.DeadlineExceeded) })
	answer := app.Get(t, exportPath, access)
	requireCode(t, http.StatusServiceUnavailable, "unavailable", answer)
	require.Empty(t, answer.Header.Get("Content-Disposition"))
}

func TestAccountExport_IsLimitedByAccount(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), limitsOn, "RATE_LIMIT_EXPORT_ACCOUNT=2/1h")
	ann, bob := app.Signup(t, annAddress), app.Signup(t, "bob@example.com")
	for range 2 {
		require.Equal(t, http.StatusOK, app.Get(t, exportPath, ann).Status)
	}
	limited(t, app.Get(t, exportPath, ann))
	require.Equal(t, http.StatusOK, app.Get(t, exportPath, bob).Status)
}
