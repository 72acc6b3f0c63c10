package routes_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

// raw sends text unchanged and returns the response.
func raw(t testing.TB, app *testkit.App, text string) testkit.Response {
	t.Helper()
	connection, err := net.Dial("tcp", app.Addr)
	require.NoError(t, err)
	defer connection.Close()
	_, err = io.WriteString(connection, text)
	require.NoError(t, err)
	method, _, _ := strings.Cut(text, " ")
	answer, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: method})
	require.NoError(t, err, "%.60q", text)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return testkit.Response{Status: answer.StatusCode, Header: answer.Header, Body: string(body)}
}

func TestHostileRequests_AreRefusedAndWriteNothing(t *testing.T) {
	t.Parallel()
	type hostile struct {
		text   string
		status int
		code   string
		allow  string
	}
	request := func(line string, headers ...string) string {
		return line + " HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
	}
	const jsonType = "Content-Type: application/json"
	cases := map[string]hostile{
		"unknown path":              {request("GET /api/v1/nothing"), 404, "not_found", ""},
		"root":                      {request("GET /"), 404, "not_found", ""},
		"trailing slash":            {request("GET /api/v1/profile/"), 404, "not_found", ""},
		"double slash":              {request("GET //api/v1/profile"), 404, "not_found", ""},
		"path traversal":            {request("GET /api/v1/x/../profile"), 404, "not_found", ""},
		"encoded slash":             {request("GET /api%2fv1/profile"), 404, "not_found", ""},
		"another case":              {request("GET /API/v1/profile"), 404, "not_found", ""},
		"asterisk":                  {request("OPTIONS *"), 404, "not_found", ""},
		"wrong method":              {request("GET /api/v1/login"), 405, "method_not_allowed", "POST"},
		"DELETE":                    {request("DELETE /api/v1/login"), 405, "method_not_allowed", "POST"},
		"TRACE":                     {request("TRACE /api/v1/profile"), 405, "method_not_allowed", "GET, HEAD, DELETE, PATCH, PUT"},
		"OPTIONS":                   {request("OPTIONS /api/v1/login"), 405, "method_not_allowed", "POST"},
		"HEAD":                      {request("HEAD /api/v1/login"), 405, "", "POST"},
		"a made-up method":          {request("BREW /api/v1/login"), 405, "method_not_allowed", "POST"},
		"absolute, another host":    {request("GET http://evil.example/api/v1/profile"), 421, "misdirected_request", ""},
		"absolute, our host":        {request("GET http://localhost:8080/api/v1/profile"), 401, "credentials_missing", ""},
		"CONNECT":                   {request("CONNECT evil.example:443"), 421, "misdirected_request", ""},
		"too long by its header":    {request("POST /api/v1/login", jsonType, "Content-Length: 10485760"), 413, "body_too_large", ""},
		"too long to no route":      {request("POST /nothing", jsonType, "Content-Length: 10485760"), 413, "body_too_large", ""},
		"form":                      {request("POST /api/v1/login", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 3") + "a=b", 415, "unsupported_media_type", ""},
		"no content type":           {request("POST /api/v1/login", "Content-Length: 2") + "{}", 415, "unsupported_media_type", ""},
		"compressed":                {request("POST /api/v1/login", jsonType, "Content-Encoding: gzip", "Content-Length: 2") + "{}", 415, "unsupported_media_type", ""},
		"no body":                   {request("POST /api/v1/login", jsonType), 400, "malformed_json", ""},
		"a second document":         {request("POST /api/v1/login", jsonType, "Content-Length: 4") + "{}{}", 400, "malformed_json", ""},
		"a cut body":                {request("POST /api/v1/login", jsonType, "Transfer-Encoding: chunked") + "1\r\n{\r\nx\r\n", 400, "malformed_json", ""},
		"a forged request id":       {request("GET /nothing", "X-Request-ID: a b\tc"), 404, "not_found", ""},
		"100 KB of authorization":   {request("GET /api/v1/profile", "Authorization: Bearer "+strings.Repeat("a", 100_000)), 401, "token_invalid", ""},
		"a method override":         {request("POST /api/v1/profile", "X-HTTP-Method-Override: PATCH", jsonType, "Content-Length: 2") + "{}", 405, "method_not_allowed", "GET, HEAD, DELETE, PATCH, PUT"},
		"a spoofed path":            {request("GET /nothing", "X-Original-URL: /api/v1/profile", "X-Rewrite-URL: /healthz"), 404, "not_found", ""},
		"a body without end":        {request("POST /api/v1/login", jsonType, "Transfer-Encoding: chunked") + "20000\r\n" + strings.Repeat(" ", 0x20000), 413, "body_too_large", ""},
		"ten megabytes of password": {request("POST /api/v1/signup", jsonType, "Transfer-Encoding: chunked") + "20000\r\n" + `{"email":"bob@example.com","password":"` + strings.Repeat("p", 0x20000), 413, "body_too_large", ""},
	}
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, "ann@example.com")
		before := users(t, app)
		for name, h := range cases {
			answer := raw(t, app, h.text)
			require.Equal(t, h.status, answer.Status, "%s: %s", name, answer.Body)
			require.Equal(t, h.allow, answer.Header.Get("Allow"), name)
			if h.code != "" {
				require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"), name)
				require.Equal(t, h.code, answer.Text(t, "code"), name)
			}
		}
		require.Equal(t, before, users(t, app))
	})
}

func TestSignup_SimultaneousRequestsCreateOneAccount(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		const racers = 10
		answers := make([]testkit.Response, racers)
		var group sync.WaitGroup
		for i := range racers {
			group.Go(func() {
				answers[i] = app.Post(t, signup, `{"email":"ann@example.com","password":"`+testkit.Password+`"}`)
			})
		}
		group.Wait()
		created := 0
		for _, answer := range answers {
			if answer.Status == http.StatusCreated {
				created++
				continue
			}
			require.Equal(t, 400, answer.Status, "%s", answer.Body)
			require.Equal(t, "taken", answer.Text(t, "errors.0.code"))
		}
		require.Equal(t, 1, created)
		require.Len(t, users(t, app), 1)
	})
}

// Clients that never finish their request are disconnected by the timeout, and others are served meanwhile.
func TestServer_ClosesSlowConnectionsAndServesOthersMeanwhile(t *testing.T) {
	t.Parallel()
	const slow = 5000
	app := testkit.NewApp(t, testkit.SQLite(t))
	connections := make([]net.Conn, slow)
	for i := range connections {
		connection, err := net.Dial("tcp", app.Addr)
		require.NoError(t, err)
		t.Cleanup(func() { _ = connection.Close() })
		_, err = io.WriteString(connection, "POST /api/v1/login HTTP/1.1\r\nHost: ")
		require.NoError(t, err)
		connections[i] = connection
	}
	require.Equal(t, 200, app.Get(t, "/readyz", "").Status)
	app.Signup(t, "ann@example.com")
	deadline := time.Now().Add(time.Minute)
	for _, connection := range connections {
		require.NoError(t, connection.SetReadDeadline(deadline))
		_, err := io.Copy(io.Discard, connection)
		require.NoError(t, err, "the server closes it")
	}
}

func TestErrors_PanicIsLoggedAndRevealsNothingToTheClient(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	app.Server.Engine.GET("/panic", func(*gin.Context) { panic("a sleeve caught fire") })
	answer := app.Get(t, "/panic", "")
	require.Equal(t, 500, answer.Status)
	require.Equal(t, "internal_error", answer.Text(t, "code"))
	require.NotContains(t, answer.Body, "fire")
	require.Contains(t, app.Log.String(), `"panic":"a sleeve caught fire"`)
	require.Contains(t, app.Log.String(), `"msg":"panic"`)
	require.Contains(t, app.Log.String(), answer.Text(t, "request_id"))
	require.Equal(t, 200, app.Get(t, "/healthz", "").Status)
}

// Every dialect, and the pages, say that it is not the client's fault and when to come back.
func TestErrors_WithoutItsDatabaseTheServiceIsUnavailable(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		token := app.Signup(t, "ann@example.com")
		require.NoError(t, database.Close(app.DB))
		require.Equal(t, 200, app.Get(t, "/healthz", "").Status)
		require.Equal(t, 200, app.Get(t, "/.well-known/jwks.json", "").Status)
		failed := app.Get(t, profile, token)
		requireCode(t, 503, "unavailable", failed)
		page := form(app, t, "/verify-email", nil, "token", oneTimeToken(uuid.Max))
		require.Contains(t, page.Body, "reach its storage")
		old := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/token/",
			Body: object([]string{"email", "ann@example.com", "password", testkit.Password})})
		require.Contains(t, old.Body, `{"detail":"`)
		for _, answer := range []testkit.Response{failed, page, old} {
			require.Equal(t, 503, answer.Status)
			require.Contains(t, []string{"1", "2", "3"}, answer.Header.Get("Retry-After"))
			require.NotContains(t, answer.Body, "sql")
		}
		require.NotContains(t, app.Log.String(), `"level":"ERROR","msg":"request"`)
	}, "DJANGO_COMPAT=true")
}

func TestHealth_IsNotReadyWhileTheDatabaseIsFrozen(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.OpenAt(t, testkit.MigratedURL(t)), "REQUEST_TIMEOUT=1s")
	token := app.Signup(t, "ann@example.com")
	require.Equal(t, 200, app.Get(t, "/readyz", "").Status)
	holder := app.DB.Begin()
	require.NoError(t, holder.Exec("LOCK TABLE users, goose_db_version").Error)
	requireCode(t, 503, "not_ready", app.Get(t, "/readyz", ""))
	requireCode(t, 503, "not_ready", app.Get(t, "/readyz", ""))
	requireCode(t, 503, "unavailable", app.Get(t, profile, token))
	require.Equal(t, 200, app.Get(t, "/healthz", "").Status)
	require.NoError(t, holder.Rollback().Error)
	require.Equal(t, 200, app.Get(t, "/readyz", "").Status)
	require.Equal(t, 200, app.Get(t, profile, token).Status)
	require.Equal(t, 1, strings.Count(app.Log.String(), `"msg":"not ready"`), "once, not for every probe")
	require.Equal(t, 1, strings.Count(app.Log.String(), `"msg":"ready again"`))
}

// The client waits for a row or for SQLite's lock, which another transaction holds, and disconnects.
func TestErrors_ClientThatDisconnectsIsNoFailure(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		token := app.Signup(t, "ann@example.com")
		pool, err := app.DB.DB()
		require.NoError(t, err)
		holder := app.DB.Begin()
		defer holder.Rollback()
		method, body := http.MethodPatch, `{"first_name":"Bea"}`
		if app.DB.Name() == database.Postgres { // where nothing but its deadline ends a transaction
			method, body = http.MethodGet, ""
			require.NoError(t, holder.Exec("LOCK TABLE users").Error)
		} else {
			require.NoError(t, holder.Exec("UPDATE users SET first_name = 'Ann'").Error)
		}

		ctx, disconnect := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, method, app.URL+profile, strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+token)
		left := make(chan error)
		go func() {
			answer, err := http.DefaultClient.Do(request)
			if err == nil {
				_ = answer.Body.Close()
			}
			left <- err
		}()
		require.Eventually(t, func() bool { return pool.Stats().InUse == 2 }, time.Minute, time.Millisecond)
		disconnect()
		require.ErrorIs(t, <-left, context.Canceled)
		require.Eventually(t, func() bool { return strings.Contains(app.Log.String(), `"status":499`) }, time.Minute, time.Millisecond)
		require.NotContains(t, app.Log.String(), `"level":"ERROR"`)
	})
}

func TestHealth_AProberThatHangsUpChangesNothing(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		ctx, hangUp := context.WithCancel(t.Context())
		hangUp()
		answer := httptest.NewRecorder()
		app.Server.Engine.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil))
		require.Equal(t, 200, answer.Code)
		require.NotContains(t, app.Log.String(), "not ready")
	})
}

func TestHealth_IsNotReadyWithAStaleSchema(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		require.NoError(t, app.DB.Exec("DELETE FROM goose_db_version WHERE version_id > 0").Error)
		ready := app.Get(t, "/readyz", "")
		require.Equal(t, 503, ready.Status)
		require.Contains(t, app.Log.String(), "latchkey migrate up")
	})
}

func TestCORS_AllowsOnlyTheConfiguredOrigins(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		preflight := func(origin string) testkit.Response {
			return app.Do(t, testkit.Call{Method: http.MethodOptions, Path: profile, Header: map[string]string{
				"Origin": origin, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization",
			}})
		}
		allowed := preflight("https://app.example")
		require.Equal(t, 204, allowed.Status)
		require.Equal(t, "https://app.example", allowed.Header.Get("Access-Control-Allow-Origin"))
		require.Contains(t, allowed.Header.Get("Access-Control-Allow-Methods"), "PATCH")
		require.Empty(t, allowed.Header.Get("Access-Control-Allow-Credentials"))
		for _, origin := range []string{"https://evil.example", "https://app.example.evil.example", "http://app.example", "null"} {
			refused := preflight(origin)
			require.Equal(t, 405, refused.Status, origin)
			require.Empty(t, refused.Header.Get("Access-Control-Allow-Origin"), origin)
			require.Equal(t, "Origin", refused.Header.Get("Vary"))
		}
		simple := app.Do(t, testkit.Call{Method: http.MethodGet, Path: profile, Header: map[string]string{"Origin": "https://app.example"}})
		require.Equal(t, "https://app.example", simple.Header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "credentials_missing", simple.Text(t, "code"))
	}, "CORS_ALLOWED_ORIGINS=https://app.example")
}

func TestCORS_AnswersThePreflightsOfAppsAndOfWhatTracesRequests(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), "CORS_ALLOWED_ORIGINS=capacitor://localhost,https://app.example,app://.,"+
		"chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb,safari-web-extension://2D9A0A4E-3C6C-4F1E-8A1B-5A2F3C1D0E9F")
	preflight := func(origin, headers string) testkit.Response {
		return app.Do(t, testkit.Call{Method: http.MethodOptions, Path: login, Header: map[string]string{
			"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers,
		}})
	}
	const traced = "authorization,baggage,content-type,sentry-trace,traceparent,tracestate,x-requested-with,x-datadog-trace-id"
	for _, origin := range []string{
		"capacitor://localhost", "https://app.example", "app://.", "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
		"safari-web-extension://2D9A0A4E-3C6C-4F1E-8A1B-5A2F3C1D0E9F",
	} {
		answer := preflight(origin, traced)
		require.Equal(t, 204, answer.Status, origin)
		require.Equal(t, origin, answer.Header.Get("Access-Control-Allow-Origin"), "as it was sent")
		allowed := strings.ToLower(answer.Header.Get("Access-Control-Allow-Headers"))
		require.ElementsMatch(t, strings.Split(traced, ","), strings.Split(allowed, ","))
		require.Contains(t, strings.Join(answer.Header.Values("Vary"), ","), "Access-Control-Request-Headers")
		require.Equal(t, origin, app.Do(t, testkit.Call{Method: http.MethodPost, Path: login, Body: `{}`,
			Header: map[string]string{"Origin": origin}}).Header.Get("Access-Control-Allow-Origin"))
	}
	for _, odd := range []string{"", "a b", "x\ty", "é", strings.Repeat("x", 65), strings.Repeat("x,", 64) + "x", "authorization,,x"} {
		allowed := strings.ToLower(preflight("https://app.example", odd).Header.Get("Access-Control-Allow-Headers"))
		require.Equal(t, "authorization,content-type,x-request-id", allowed, odd)
	}
}

func TestClientAddress_IsReadOnlyFromTrustedProxies(t *testing.T) {
	t.Parallel()
	spoofed := testkit.Call{Method: http.MethodGet, Path: "/healthz", Header: map[string]string{"X-Forwarded-For": "203.0.113.7"}}
	header := spoofed.Header
	for setting, want := range map[string]string{"": "127.0.0.1", "127.0.0.1/32": "203.0.113.7", "10.0.0.0/8": "127.0.0.1"} {
		app := testkit.NewApp(t, testkit.SQLite(t), "TRUSTED_PROXIES="+setting)
		spoofed.Header = header
		require.Equal(t, 200, app.Do(t, spoofed).Status)
		require.Contains(t, app.Log.String(), fmt.Sprintf(`"client":"%s"`, want))
		for _, forwarded := range []string{"", "203.0.113.7:4711", "unknown"} {
			spoofed.Header = map[string]string{
				"X-Forwarded-For": forwarded, "X-Real-IP": "203.0.113.99", "Forwarded": "for=203.0.113.99",
			}
			require.Equal(t, 200, app.Do(t, spoofed).Status)
		}
		require.NotContains(t, app.Log.String(), "203.0.113.99")
		require.Equal(t, strings.HasPrefix(setting, "127"), strings.Count(app.Log.String(), `"client":"203.0.113.7"`) == 2, "with a port too")
	}
}

func TestClientAddress_OneWarningNamesAProxyThatIsNotTrusted(t *testing.T) {
	t.Parallel()
	for header, value := range map[string]string{"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7"} {
		forwarded := testkit.Call{Method: http.MethodGet, Path: "/healthz", Header: map[string]string{header: value}}
		for setting, want := range map[string]int{"": 1, "10.0.0.0/8": 1, "127.0.0.1": 0, "127.0.0.0/8": 0} {
			app := testkit.NewApp(t, testkit.SQLite(t), "TRUSTED_PROXIES="+setting, "TRUSTED_PROXIES_HEADER="+header)
			app.Get(t, "/healthz", "")
			require.NotContains(t, app.Log.String(), "TRUSTED_PROXIES")
			for range 3 {
				app.Do(t, forwarded)
			}
			require.Equal(t, want, strings.Count(app.Log.String(), "TRUSTED_PROXIES does not name"), setting)
			require.Equal(t, want, strings.Count(app.Log.String(), `"peer":"127.0.0.1"`), setting)
		}
	}
}

// What a trusted proxy writes and nobody can read makes its clients share an address, which is said once.
func TestClientAddress_OneWarningOfAHeaderThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for header, unreadable := range map[string][]string{
		"X-Forwarded-For": {"unknown", "203.0.113.7, nonsense"}, "Forwarded": {"for=_hidden", "for=203.0.113.7, for=unknown"},
	} {
		app := testkit.NewApp(t, testkit.SQLite(t), "TRUSTED_PROXIES=127.0.0.1", "TRUSTED_PROXIES_HEADER="+header)
		for _, value := range unreadable {
			app.Do(t, testkit.Call{Method: http.MethodGet, Path: "/healthz", Header: map[string]string{header: value}})
		}
		require.Equal(t, 1, strings.Count(app.Log.String(), "a trusted proxy does not say which client it forwards"), header)
		require.Equal(t, 2, strings.Count(app.Log.String(), `"client":"127.0.0.1"`))
	}
	app := testkit.NewApp(t, testkit.SQLite(t), "TRUSTED_PROXIES=127.0.0.1")
	app.Do(t, testkit.Call{Method: http.MethodGet, Path: "/healthz", Header: map[string]string{"Forwarded": "for=203.0.113.7"}})
	require.Contains(t, app.Log.String(), `"problem":"the request has the other header"`)
	require.Contains(t, app.Log.String(), `"header":"X-Forwarded-For"`)
}
