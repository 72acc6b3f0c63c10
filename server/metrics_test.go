package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/server"
	"latchkey/testkit"
)

var metricsAt = regexp.MustCompile(`msg="serving metrics" url=(\S+)`)

// metrics returns what the server's GET /metrics returns.
func metrics(t *testing.T, server *testkit.Process) string {
	t.Helper()
	response, err := http.Get(metricsAt.FindStringSubmatch(server.Output.String())[1])
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	return string(body)
}

func TestMetrics_AreServedOnlyIfAsked(t *testing.T) {
	t.Parallel()
	server := testkit.Serve(t, testkit.Environ("sqlite:test.db"))
	address := server.Addr(t)
	require.NotContains(t, server.Output.String(), "serving metrics")
	response, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNotFound, response.StatusCode)
}

// scrape returns what GET /metrics of an app returns.
func scrape(t *testing.T, app *testkit.App) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	server.NewMetricsHandler(app.Server.Metrics).ServeHTTP(recorder,
		httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, http.StatusOK, recorder.Code)
	return recorder.Body.String()
}

func TestMetrics_TellOfMailsKeysEventsAndBuild(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, ann)
		metrics := scrape(t, app)
		for _, line := range []string{
			`latchkey_ready 1`,
			`latchkey_database_up 1`,
			`latchkey_jobs{kind="mail",state="waiting"} 1`,
			`latchkey_jobs{kind="mail",state="dead"} 0`,
			`latchkey_jobs{kind="sweep",state="failing"} 0`,
			`latchkey_signups_total{outcome="ok"} 1`,
			`latchkey_logins_total{outcome="ok"} 0`,
			`latchkey_refreshes_total{outcome="ok"} 0`,
			`latchkey_security_events_total{kind="signed_up"} 1`,
			`latchkey_security_events_total{kind="refresh_token_reused"} 0`,
			`go="` + runtime.Version() + `",version="` + server.ReadBuild().Version + `"} 1`,
		} {
			require.Contains(t, metrics, line)
		}
		require.Regexp(t, `latchkey_signing_key_activated_timestamp_seconds 1\.\d+e\+09`, metrics)

		app.DoJobs(t)
		metrics = scrape(t, app)
		require.Contains(t, metrics, `latchkey_jobs{kind="mail",state="waiting"} 0`)
		require.Contains(t, metrics, "latchkey_mail_oldest_seconds 0\n")
	})
}

func TestMetrics_TellHowLongAMailHasWaited(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, ann)
		require.NoError(t, app.DB.Exec("UPDATE river_job SET created_at = ?", app.Clock.Now().Add(-time.Hour)).Error)
		require.Contains(t, scrape(t, app), "latchkey_mail_oldest_seconds 3600\n")
	})
}

func TestMetrics_DoNotWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		app := testkit.NewApp(t, db)
		if db.Name() == database.Postgres {
			holding := db.Begin()
			require.NoError(t, holding.Exec("LOCK TABLE river_job IN ACCESS EXCLUSIVE MODE").Error)
			t.Cleanup(func() { holding.Rollback() })
		} else {
			require.NoError(t, database.Close(db))
		}
		metrics := scrape(t, app)
		require.Contains(t, metrics, "latchkey_database_up 0\n")
		require.NotContains(t, metrics, "latchkey_jobs")
		require.NotContains(t, metrics, "latchkey_signing_key")
		require.Contains(t, metrics, "latchkey_password_hash_queue 0\n")
	})
}
