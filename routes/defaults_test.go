package routes_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/testkit"
)

func TestDefaults_ThereAreNoUsersAndNoPasswords(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	var users int64
	require.NoError(t, app.DB.Model(&models.User{}).Count(&users).Error)
	require.Zero(t, users)
	for _, email := range []string{"admin", "root", "admin@example.com", "admin@localhost", "root@localhost", "test@test.com",
		"user@example.com", "superuser@example.com", "latchkey@example.com", "demo@example.com"} {
		for _, password := range []string{"admin", "password", "changeme", "secret", "latchkey", "123456", "admin123", "root", "demo",
			testkit.Password} {
			requireCode(t, 401, "invalid_credentials", app.Post(t, login, `{"email":"`+email+`","password":"`+password+`"}`))
		}
	}
}

func TestDefaults_APasswordDoesNotExpire(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	app.Signup(t, "ann@example.com")
	app.Clock.Advance(10 * 365 * 24 * time.Hour)
	app.Login(t, "ann@example.com")
}

func TestPasswordChange_RefusesTheCurrentOne(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	token := app.Signup(t, "ann@example.com")
	response := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/v1/password/change", Token: token,
		Body: `{"current_password":"` + testkit.Password + `","new_password":"` + testkit.Password + `"}`})
	requireCode(t, 400, "validation_error", response)
	require.Equal(t, "password_unchanged", response.Text(t, "errors.0.code"))
}

// A cache that goes by the look of a path, as that of an image or a script, finds nothing of the user.
func TestDefaults_NoOtherPathShowsTheProfile(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	token := app.Signup(t, "ann@example.com")
	shown := app.Get(t, profile, token)
	require.Equal(t, 200, shown.Status)
	require.Equal(t, "no-store", shown.Header.Get("Cache-Control"))
	for _, suffix := range []string{"/x.css", "/logo.png", ".js", ";.css", "%2Fx.js", "%2F..%2Fx.js", "%3B.css", "/", "%00.png", "%0A.css"} {
		response := app.Do(t, testkit.Call{Method: http.MethodGet, Path: profile + suffix, Token: token})
		require.NotContains(t, response.Body, "ann@example.com", suffix)
		require.Equal(t, 404, response.Status, suffix)
		require.Equal(t, "no-store", response.Header.Get("Cache-Control"), suffix)
	}
}

func TestDefaults_ProductionServesNothingForDebugging(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), "APP_ENV=production", "PUBLIC_URL=https://auth.example.com", "SMTP_URL=none")
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/vars", "/debug/requests",
		"/metrics", "/dev/mail", "/.git/HEAD", "/.git/config", "/.env", "/.svn/entries", "/docs/", "/static/", "/server-status",
		"/api/v1/", "/latchkey.db", "/config", "/../etc/passwd"} {
		response := app.Do(t, testkit.Call{Method: http.MethodGet, Path: path, Header: map[string]string{"Host": "auth.example.com"}})
		require.Contains(t, []int{400, 404}, response.Status, path)
		require.NotContains(t, response.Body, "goroutine", path)
		for _, header := range []string{"Server", "X-Powered-By", "X-Aspnet-Version"} {
			require.Empty(t, response.Header.Get(header), path)
		}
	}
}
