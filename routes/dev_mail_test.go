package routes_test

import (
	"encoding/json"
	"net/http"
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
