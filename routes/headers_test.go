package routes_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// What protects a response in a browser is on every one, whatever it is and whoever wrote it.
func TestHeaders_ThatHardenAreOnEveryResponse(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), "PUBLIC_URL=https://auth.example.com", "CORS_ALLOWED_ORIGINS=https://app.example",
		"DJANGO_COMPAT=true", limitsOn, "RATE_LIMIT_MAIL=1/24h")
	app.Server.Engine.GET("/panic", func(*gin.Context) { panic("a sleeve caught fire") })
	token := app.Signup(t, annAddress)
	forgot := post("/api/v1/password/forgot", object([]string{"email", annAddress}))
	app.Do(t, forgot)
	calls := map[string]testkit.Call{
		"200 profile":   {Method: "GET", Path: profile, Token: token},
		"200 HEAD":      {Method: "HEAD", Path: profile, Token: token},
		"200 page":      {Method: "GET", Path: "/verify-email"},
		"200 docs":      {Method: "GET", Path: "/docs"},
		"200 script":    {Method: "GET", Path: "/docs/initializer.js"},
		"200 contract":  {Method: "GET", Path: "/openapi.json"},
		"200 errors":    {Method: "GET", Path: "/errors"},
		"200 keys":      {Method: "GET", Path: "/.well-known/jwks.json"},
		"200 mailbox":   {Method: "GET", Path: "/dev/mail"},
		"200 export":    {Method: "GET", Path: profile + "/export", Token: token},
		"204 preflight": {Method: "OPTIONS", Path: profile, Header: map[string]string{"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}},
		"204 mailbox":   {Method: "DELETE", Path: "/dev/mail"},
		"400 body":      post(login, "{"),
		"400 fields":    post(login, "{}"),
		"400 form":      {Method: "POST", Path: "/reset-password", Body: "token=x", Type: "application/x-www-form-urlencoded"},
		"401 profile":   {Method: "GET", Path: profile},
		"401 Django":    {Method: "POST", Path: "/api/token/", Body: object([]string{"email", annAddress, "password", "wrong"})},
		"404 path":      {Method: "GET", Path: "/nothing"},
		"405 method":    {Method: "DELETE", Path: login},
		"413 length":    post(login, strings.Repeat(" ", 65*1024)),
		"415 type":      {Method: "POST", Path: login, Body: "a=b", Type: "text/plain"},
		"429 limit":     forgot,
		"500 panic":     {Method: "GET", Path: "/panic"},
		"204 logout":    {Method: "POST", Path: "/api/v1/logout", Token: app.Login(t, annAddress).Access},
	}
	for name, call := range calls {
		answer := app.Do(t, call)
		requireHardened(t, name, answer)
		require.Equal(t, name[:3], strconv.Itoa(answer.Status), name)
	}
}

func requireHardened(t *testing.T, name string, answer testkit.Response) {
	t.Helper()
	for header, want := range map[string]string{
		"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
		"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Referrer-Policy": "no-referrer",
	} {
		require.Equal(t, []string{want}, answer.Header.Values(header), "%s: %s", name, header)
	}
	policy := answer.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'", name)
	require.Contains(t, policy, "frame-ancestors 'none'", name)
	public := name == "200 docs" || name == "200 script" || name == "200 contract" || name == "200 errors" || name == "200 keys"
	require.Equal(t, !public, answer.Header.Get("Cache-Control") == "no-store", "%s: %s", name, answer.Header.Get("Cache-Control"))
}

// Over https the cookie of the device can be set by this host alone; the former one is read, and replaced.
func TestDeviceCookie_BelongsToTheHost(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), "PUBLIC_URL=https://auth.example.com", "DJANGO_COMPAT=true")
	app.Signup(t, annAddress)
	logIn := func(cookie string) testkit.Response {
		call := post(login, credentials(annAddress, testkit.Password))
		if cookie != "" {
			call.Header = map[string]string{"Cookie": cookie}
		}
		answer := app.Do(t, call)
		require.Equal(t, 200, answer.Status, answer.Body)
		return answer
	}
	first := logIn("")
	device := first.Text(t, "device_token")
	const attributes = "; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Strict"
	require.Equal(t, []string{"__Host-latchkey_device=" + device + attributes}, first.Header.Values("Set-Cookie"))
	for _, known := range []string{"__Host-latchkey_device=" + device, "latchkey_device=" + device,
		"latchkey_device=lkd_of_a_neighbour; __Host-latchkey_device=" + device} {
		again := logIn(known)
		require.Equal(t, device, again.Text(t, "device_token"), "the device is known by %s", known)
		set := again.Header.Values("Set-Cookie")
		require.Equal(t, "__Host-latchkey_device="+device+attributes, set[0])
		require.Equal(t, !strings.HasPrefix(known, "__Host"), len(set) == 2, known)
		if len(set) == 2 {
			require.Equal(t, "latchkey_device=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict", set[1])
		}
	}
	old := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/token/",
		Body: object([]string{"email", annAddress, "password", testkit.Password})})
	require.Contains(t, old.Header.Get("Set-Cookie"), "__Host-latchkey_device=lkd_")
}

func TestLogout_ClearsWhatABrowserKeepsButTheDevice(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	app.Signup(t, annAddress)
	for body, want := range map[string]string{"": `"cache", "storage"`, `{"scope":"global"}`: `"cache", "storage"`, `{"scope":"others"}`: ""} {
		answer := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/v1/logout", Token: app.Login(t, annAddress).Access, Body: body})
		require.Equal(t, 204, answer.Status)
		require.Equal(t, want, answer.Header.Get("Clear-Site-Data"), body)
	}
	refused := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/v1/logout", Body: `{"scope":"local"}`})
	require.Equal(t, 401, refused.Status)
	require.Empty(t, refused.Header.Get("Clear-Site-Data"))
}
