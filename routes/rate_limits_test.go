package routes_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/server"
	"latchkey/testkit"
)

const (
	limitsOn    = "RATE_LIMITS=on"
	behindProxy = "TRUSTED_PROXIES=127.0.0.1"
)

// from returns the call as sent from an address through a trusted proxy.
func from(address string, call testkit.Call) testkit.Call {
	call.Method = http.MethodPost
	call.Header = map[string]string{"X-Forwarded-For": address}
	return call
}

func wrongLogin(email, device string) testkit.Call {
	return testkit.Call{Path: "/api/v1/login",
		Body: `{"email":"` + email + `","password":"not the right one","device_token":"` + device + `"}`}
}

// limited requires that the response is a 429, and returns its Retry-After.
func limited(t *testing.T, answer testkit.Response) time.Duration {
	t.Helper()
	require.Equal(t, http.StatusTooManyRequests, answer.Status, answer.Body)
	require.Equal(t, "rate_limited", answer.Text(t, "code"))
	seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, seconds)
	return time.Duration(seconds) * time.Second
}

func TestRateLimit_AppliesToEachAddress(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		calls := map[string]testkit.Call{
			"login":  wrongLogin("ann@example.com", ""),
			"signup": {Path: "/api/v1/signup", Body: `{"email":"ann","password":"x"}`},
			"refresh": {Path: "/api/v1/token/refresh",
				Body: `{"refresh_token":"lkr_of_nobody"}`},
			"secret": {Path: "/api/v1/password/change", Token: app.Signup(t, "ann@example.com"),
				Body: `{"current_password":"wrong","new_password":"also wrong"}`},
		}
		for name, call := range calls {
			for left := 2; left >= 0; left-- {
				answer := app.Do(t, from("192.0.2.1", call))
				require.NotEqual(t, http.StatusTooManyRequests, answer.Status, name)
				require.Equal(t, `"`+name+`";q=3;w=60`, answer.Header.Get("RateLimit-Policy"))
				require.Contains(t, answer.Header.Get("RateLimit"), fmt.Sprintf(`"%s";r=%d;t=`, name, left))
			}
			wait := limited(t, app.Do(t, from("192.0.2.1", call)))
			require.NotEqual(t, http.StatusTooManyRequests, app.Do(t, from("192.0.2.2", call)).Status, name)
			app.Clock.Advance(wait)
			require.NotEqual(t, http.StatusTooManyRequests, app.Do(t, from("192.0.2.1", call)).Status, name)
		}
	}, limitsOn, behindProxy, "RATE_LIMIT_LOGIN=3/1m", "RATE_LIMIT_SIGNUP=3/1m", "RATE_LIMIT_REFRESH=3/1m",
		"RATE_LIMIT_SECRET=3/1m")
}

// A school, whose pupils share one address, logs in; each has an account and the right password, and some mistype it first.
func TestRateLimit_ManyPeopleBehindOneAddressLogIn(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		const pupils = 45
		for i := range pupils {
			signup := from(fmt.Sprintf("198.51.100.%d", i), testkit.Call{Path: "/api/v1/signup",
				Body: testkit.Credentials(fmt.Sprintf("pupil%d@example.com", i))})
			require.Equal(t, http.StatusCreated, app.Do(t, signup).Status)
		}
		logIn := func(i int) int {
			return app.Do(t, from("192.0.2.1", testkit.Call{Path: "/api/v1/login",
				Body: testkit.Credentials(fmt.Sprintf("pupil%d@example.com", i))})).Status
		}
		for range 3 {
			statuses := make([]int, pupils)
			var group sync.WaitGroup
			for i := range pupils {
				group.Go(func() { statuses[i] = logIn(i) })
			}
			group.Wait()
			for i, status := range statuses {
				require.Equal(t, http.StatusOK, status, i)
			}
		}
		for i := range pupils {
			require.Equal(t, http.StatusUnauthorized, app.Do(t, from("192.0.2.1", wrongLogin(fmt.Sprintf("pupil%d@example.com", i), ""))).Status)
		}
		require.Equal(t, http.StatusOK, logIn(0), "some have mistyped it")
	}, limitsOn, behindProxy)
}

// Whoever guesses at many accounts from one address is held to the quota, however many guesses run at once and however often they
// log in to an account of their own meanwhile.
func TestRateLimit_GuessesFromOneAddressPayInFull(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		require.Equal(t, http.StatusCreated, app.Do(t, from("198.51.100.7", testkit.Call{Path: "/api/v1/signup",
			Body: testkit.Credentials(annAddress)})).Status)
		own := testkit.Call{Path: "/api/v1/login", Body: testkit.Credentials(annAddress)}
		var guessed atomic.Int64
		var group sync.WaitGroup
		for i := range 40 {
			group.Go(func() {
				if app.Do(t, from("192.0.2.1", wrongLogin(fmt.Sprintf("u%d@example.com", i), ""))).Status == http.StatusUnauthorized {
					guessed.Add(1)
				}
				if i%4 == 0 {
					app.Do(t, from("192.0.2.1", own))
				}
			})
		}
		group.Wait()
		for i := range 10 {
			if app.Do(t, from("192.0.2.1", wrongLogin(fmt.Sprintf("v%d@example.com", i), ""))).Status == http.StatusUnauthorized {
				guessed.Add(1)
			}
		}
		require.LessOrEqual(t, guessed.Load(), int64(10))
		require.Positive(t, guessed.Load())
		limited(t, app.Do(t, from("192.0.2.1", own)))
	}, limitsOn, behindProxy, "RATE_LIMIT_LOGIN=10/1h")
}

// The bound of docs/abuse.md: what an address may guess in a day at codes, of whatever accounts.
func TestRateLimit_CodesFromOneAddressInADay(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), limitsOn, behindProxy)
	tried := 0
	for i := range 24 * 60 {
		for range 2 {
			if app.Do(t, from("192.0.2.1", testkit.Call{Path: "/api/v1/password/reset",
				Body: object([]string{"email", fmt.Sprintf("u%d@example.com", i), "code", "123456", "new_password", newPassword})})).Status == 400 {
				tried++
			}
		}
		app.Clock.Advance(time.Minute)
	}
	require.LessOrEqual(t, tried, 60+24*60)
}

func TestRateLimit_IgnoresTheSpellingOfAnAddress(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		for _, same := range [][]string{
			{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:0DB8:0001:0002::", "203.0.113.9, 2001:db8:1:2::5"},
			{"192.0.2.7", "::ffff:192.0.2.7", "198.51.100.1, 192.0.2.7", "2001:db8::1, 192.0.2.7"},
		} {
			for i, address := range same {
				answer := app.Do(t, from(address, wrongLogin(fmt.Sprintf("u%d@example.com", i), "")))
				if i < 2 {
					require.Equal(t, http.StatusUnauthorized, answer.Status, address)
					continue
				}
				limited(t, answer)
			}
		}
		require.Equal(t, 401, app.Do(t, from("2001:db8:1:3::1", wrongLogin("ann@example.com", ""))).Status)
	}, limitsOn, behindProxy, "RATE_LIMIT_LOGIN=2/1m")
}

func TestRateLimit_IgnoresSpoofedAddresses(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		for i := range 5 {
			answer := app.Do(t, from(fmt.Sprintf("192.0.2.%d", i), wrongLogin("ann@example.com", "")))
			if i >= 2 {
				limited(t, answer)
			}
		}
	}, limitsOn, "RATE_LIMIT_LOGIN=2/1m")
}

// Strangers who guess at an account from many addresses use up a limit of their own, not that of the owner's phone.
func TestRateLimit_OfStrangersDoesNotAffectTheOwnersDevice(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		signup := app.Do(t, from("198.51.100.7", testkit.Call{Path: "/api/v1/signup",
			Body: `{"email":"ann@example.com","password":"` + testkit.Password + `"}`}))
		device := signup.Text(t, "device_token")
		for i := range 6 {
			answer := app.Do(t, from(fmt.Sprintf("192.0.2.%d", i), wrongLogin(" ANN@example.com", "lkd_forged")))
			if i < 4 {
				require.Equal(t, http.StatusUnauthorized, answer.Status)
				continue
			}
			limited(t, answer)
			require.Contains(t, answer.Header.Get("RateLimit"), "r=59", "only the limit of the address is shown")
		}
		eves := app.Do(t, from("198.51.100.9", testkit.Call{Path: "/api/v1/signup",
			Body: `{"email":"eve@example.com","password":"` + testkit.Password + `"}`})).Text(t, "device_token")
		limited(t, app.Do(t, from("192.0.2.99", wrongLogin("ann@example.com", eves))))
		right := testkit.Call{Path: "/api/v1/login", Body: `{"email":"ann@example.com","password":"` + testkit.Password +
			`","device_token":"` + device + `"}`}
		require.Equal(t, http.StatusOK, app.Do(t, from("198.51.100.8", right)).Status)
	}, limitsOn, behindProxy, "RATE_LIMIT_LOGIN_ACCOUNT=4/1m")
}

func TestRateLimit_AppliesToEachAccount(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		ann := app.Do(t, from("198.51.100.7", testkit.Call{Path: "/api/v1/signup",
			Body: `{"email":"ann@example.com","password":"` + testkit.Password + `"}`})).Tokens(t)
		for name, call := range map[string]testkit.Call{
			"signup": {Path: "/api/v1/signup", Body: `{"email":"bob@example.com","password":"x"}`},
			"secret": {Path: "/api/v1/password/change", Token: ann.Access,
				Body: `{"current_password":"wrong","new_password":"also wrong"}`},
			"refresh": {Path: "/api/v1/token/refresh", Body: `{"refresh_token":"` + ann.Refresh + `"}`},
		} {
			for i := range 3 {
				answer := app.Do(t, from(fmt.Sprintf("192.0.2.%d", i), call))
				require.Equal(t, i == 2, answer.Status == http.StatusTooManyRequests, "%s: %s", name, answer.Body)
			}
		}
		for range 3 {
			require.Equal(t, 401, app.Do(t, from("192.0.2.9", testkit.Call{Path: "/api/v1/token/refresh",
				Body: `{"refresh_token":"lkr_of_nobody"}`})).Status, "a token that is not ours counts against no account")
		}
	}, limitsOn, behindProxy, "RATE_LIMIT_SIGNUP_ACCOUNT=2/1m", "RATE_LIMIT_SECRET_ACCOUNT=2/1m",
		"RATE_LIMIT_REFRESH_ACCOUNT=2/1m")
}

func TestRateLimit_RefusesBeforeHashingAndAuditing(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, "ann@example.com")
		require.Equal(t, 401, app.Do(t, from("", wrongLogin("ann@example.com", ""))).Status)
		hashes, events := app.Hasher.Hashes(), count(t, app, "audit_events")
		limited(t, app.Do(t, from("", wrongLogin("ann@example.com", ""))))
		require.Equal(t, hashes, app.Hasher.Hashes())
		require.Equal(t, events, count(t, app, "audit_events"))
	}, limitsOn, "RATE_LIMIT_LOGIN=1/1m")
}

func count(t *testing.T, app *testkit.App, table string) (rows int64) {
	t.Helper()
	require.NoError(t, app.DB.Table(table).Count(&rows).Error)
	return rows
}

func TestMetrics_CountRequestsByOutcome(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, "ann@example.com")
		app.Login(t, "ann@example.com")
		app.Refresh(t, "lkr_of_nobody")
		app.Get(t, "/secret/path/of/a/client", "")
		for range 2 {
			app.Do(t, from("", wrongLogin("ann@example.com", "")))
		}
		metrics := scrape(t, app)
		for _, line := range []string{
			`latchkey_http_request_duration_seconds_count{method="POST",route="/api/v1/signup",status="201"} 1`,
			`latchkey_http_request_duration_seconds_count{method="GET",route="(none)",status="404"} 1`,
			`latchkey_logins_total{outcome="ok"} 1`,
			`latchkey_logins_total{outcome="invalid_credentials"} 1`,
			`latchkey_logins_total{outcome="rate_limited"} 1`,
			`latchkey_refreshes_total{outcome="refresh_token_invalid"} 1`,
			`latchkey_rate_limit_decisions_total{by="address",limit="login",outcome="allowed",store="memory"} 2`,
			`latchkey_rate_limit_decisions_total{by="address",limit="login",outcome="limited",store="memory"} 1`,
			`latchkey_password_hashes_total 3`,
			`latchkey_password_hash_refusals_total 0`,
			`latchkey_password_hash_queue 0`,
			`go_sql_max_open_connections{db_name="latchkey"}`,
			`process_resident_memory_bytes`,
		} {
			require.Contains(t, metrics, line)
		}
		require.NotContains(t, metrics, "example.com")
		require.NotContains(t, metrics, "secret")
		require.Equal(t, http.StatusNotFound, app.Get(t, "/metrics", "").Status, "not on the public address")
	}, limitsOn, "RATE_LIMIT_LOGIN=2/1m")
}

func scrape(t *testing.T, app *testkit.App) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	server.NewMetricsHandler(app.Server.Metrics).ServeHTTP(recorder,
		httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", strings.NewReader("")))
	require.Equal(t, http.StatusOK, recorder.Code)
	return recorder.Body.String()
}
