package routes_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/api"
	"latchkey/testkit"
)

// golden are all routes of the service. A new one has to be added here on purpose.
var golden = []string{
	"DELETE /api/v1/profile",
	"DELETE /api/v1/sessions/:id",
	"DELETE /dev/mail",
	"GET /.well-known/jwks.json",
	"GET /.well-known/openid-configuration",
	"GET /api/v1/profile",
	"GET /api/v1/profile/export",
	"GET /api/v1/sessions",
	"GET /dev/mail",
	"GET /docs",
	"GET /docs/:file",
	"GET /errors",
	"GET /healthz",
	"GET /openapi.json",
	"GET /openapi.yaml",
	"GET /readyz",
	"GET /reset-password",
	"GET /undo-email-change",
	"GET /verify-email",
	"PATCH /api/v1/profile",
	"POST /api/v1/email/change",
	"POST /api/v1/email/resend",
	"POST /api/v1/email/undo",
	"POST /api/v1/email/verify",
	"POST /api/v1/login",
	"POST /api/v1/logout",
	"POST /api/v1/password/change",
	"POST /api/v1/password/forgot",
	"POST /api/v1/password/reset",
	"POST /api/v1/signup",
	"POST /api/v1/token/refresh",
	"POST /api/v1/token/verify",
	"POST /reset-password",
	"POST /reset-password/again",
	"POST /undo-email-change",
	"POST /verify-email",
	"POST /verify-email/again",
	"PUT /api/v1/profile",
}

// open are the routes that need no credentials. All others are protected, and tested as such.
var open = []string{
	"DELETE /dev/mail",
	"GET /.well-known/jwks.json",
	"GET /.well-known/openid-configuration",
	"GET /dev/mail",
	"GET /docs",
	"GET /docs/:file",
	"GET /errors",
	"GET /healthz",
	"GET /openapi.json",
	"GET /openapi.yaml",
	"GET /readyz",
	"GET /reset-password",
	"GET /undo-email-change",
	"GET /verify-email",
	"POST /api/v1/email/resend",
	"POST /api/v1/email/undo",
	"POST /api/v1/email/verify",
	"POST /api/v1/login",
	"POST /api/v1/password/forgot",
	"POST /api/v1/password/reset",
	"POST /api/v1/signup",
	"POST /api/v1/token/refresh",
	"POST /api/v1/token/verify",
	"POST /reset-password",
	"POST /reset-password/again",
	"POST /undo-email-change",
	"POST /verify-email",
	"POST /verify-email/again",
}

// pages are the open routes for people with a browser. All other routes are in the contract.
var pages = []string{
	"DELETE /dev/mail",
	"GET /dev/mail",
	"GET /docs",
	"GET /docs/:file",
	"GET /errors",
	"GET /reset-password",
	"GET /undo-email-change",
	"GET /verify-email",
	"POST /reset-password",
	"POST /reset-password/again",
	"POST /undo-email-change",
	"POST /verify-email",
	"POST /verify-email/again",
}

func TestRoutes_AreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		var routes []string
		for _, route := range app.Server.Engine.Routes() {
			if route.Method != http.MethodHead {
				routes = append(routes, route.Method+" "+route.Path)
			}
		}
		slices.Sort(routes)
		require.Equal(t, golden, routes)
		require.Subset(t, golden, open)
		require.Subset(t, open, pages)
	})
}

func TestRoutes_AreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	var documented []string
	for _, operation := range testkit.TheContract().Operations() {
		if !strings.HasPrefix(operation, http.MethodHead) {
			documented = append(documented, strings.ReplaceAll(operation, "{id}", ":id"))
		}
	}
	require.ElementsMatch(t, golden, append(documented, pages...))
}

func TestContract_IsServed(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	asYAML := app.Get(t, "/openapi.yaml", "")
	require.Equal(t, 200, asYAML.Status)
	require.Equal(t, "application/yaml", asYAML.Header.Get("Content-Type"))
	require.Equal(t, string(api.Document()), asYAML.Body)
	asJSON := app.Get(t, "/openapi.json", "")
	require.Equal(t, 200, asJSON.Status)
	require.Equal(t, "3.1.0", asJSON.Text(t, "openapi"))
}
