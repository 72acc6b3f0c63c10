package routes_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestDevMail_ExistsOnlyInDevelopment(t *testing.T) {
	t.Parallel()
	production := []string{"APP_ENV=production", "PUBLIC_URL=https://auth.example.com"}
	for name, settings := range map[string][]string{
		"production, mail off":  append(production, "SMTP_URL=none"),
		"production, a server":  append(production, "SMTP_URL=smtp://127.0.0.1:1?tls=none", "MAIL_FROM=a@b.example"),
		"development, mail off": {"SMTP_URL=none"},
		"development, a server": {"SMTP_URL=smtp://127.0.0.1:1?tls=none", "MAIL_FROM=a@b.example"},
	} {
		t.Run(name, func(t *testing.T) {
			app := testkit.NewApp(t, testkit.SQLite(t), settings...)
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
				require.Equal(t, 404, app.Do(t, testkit.Call{Method: method, Path: "/dev/mail"}).Status)
			}
			for _, route := range app.Server.Engine.Routes() {
				require.NotContains(t, route.Path, "/dev/")
			}
		})
	}
}

func TestDevMail_Responds(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	page := app.Get(t, "/dev/mail", "")
	require.Equal(t, 200, page.Status)
	require.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
	require.Contains(t, page.Body, "No mail yet.")
	asJSON := app.Do(t, testkit.Call{Method: http.MethodGet, Path: "/dev/mail", Header: map[string]string{"Accept": "application/json"}})
	var letters []any
	require.NoError(t, json.Unmarshal([]byte(asJSON.Body), &letters))
	require.Equal(t, "[]", asJSON.Body)
	require.Equal(t, "no-store", asJSON.Header.Get("Cache-Control"))
	require.Equal(t, 204, app.Do(t, testkit.Call{Method: http.MethodDelete, Path: "/dev/mail"}).Status)
}

// A mailbox holds every code and link, so only the developer's own machine sees it.
func TestDevMail_IsHiddenFromAllButThisMachine(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), "TRUSTED_PROXIES=127.0.0.1")
	ask := func(peer, host string) int {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/dev/mail", nil)
		request.RemoteAddr, request.Host = peer, host
		answer := httptest.NewRecorder()
		app.Server.Engine.ServeHTTP(answer, request)
		return answer.Code
	}
	for _, host := range []string{"localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "[::1]", "127.0.0.2"} {
		for _, peer := range []string{"127.0.0.1:4711", "[::1]:4711", "127.8.0.1:1", "[::ffff:127.0.0.1]:1"} {
			require.Equal(t, 200, ask(peer, host), "%s %s", peer, host)
		}
		for _, peer := range []string{"192.168.0.7:4711", "172.17.0.1:1", "[fe80::1%eth0]:1", "[::]:1", ""} {
			require.Equal(t, 404, ask(peer, host), "%s %s", peer, host)
		}
	}
	for _, host := range []string{"rebound.example", "rebound.example:8080", "localhost.evil.example", "", "192.168.0.7:8080", "127.0.0.1.nip.io"} {
		require.Equal(t, 404, ask("127.0.0.1:4711", host), host)
	}
}
