package routes_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/api"
	"latchkey/testkit"
)

// Every route of the service. One that is not here was not meant to be.
var golden = []string{
	"DELETE /api/v1/sessions/:id",
	"DELETE /dev/mail",
	"GET /.well-known/jwks.json",
	"GET /.well-known/openid-configuration",
	"GET /api/v1/profile",
	"GET /api/v1/sessions",
	"GET /dev/mail",
	"GET /healthz",
	"GET /openapi.json",
	"GET /openapi.yaml",
	"GET /readyz",
	"HEAD /healthz",
	"HEAD /readyz",
	"PATCH /api/v1/profile",
	"POST /api/v1/login",
	"POST /api/v1/logout",
	"POST /api/v1/password/change",
	"POST /api/v1/signup",
	"POST /api/v1/token/refresh",
	"POST /api/v1/token/verify",
	"PUT /api/v1/profile",
}

// Those of them that answer without credentials. Every other one is protected, and tested as such.
var open = []string{
	"DELETE /dev/mail",
	"GET /.well-known/jwks.json",
	"GET /.well-known/openid-configuration",
	"GET /dev/mail",
	"GET /healthz",
	"GET /openapi.json",
	"GET /openapi.yaml",
	"GET /readyz",
	"HEAD /healthz",
	"HEAD /readyz",
	"POST /api/v1/login",
	"POST /api/v1/signup",
	"POST /api/v1/token/refresh",
	"POST /api/v1/token/verify",
}

func TestRoutesAreTheGoldenOnes(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		var routes []string
		for _, route := range app.Service.Engine.Routes() {
			routes = append(routes, route.Method+" "+route.Path)
		}
		slices.Sort(routes)
		require.Equal(t, golden, routes)
		require.Subset(t, golden, open)
	})
}

func TestRoutesAndContractAreTheSameSet(t *testing.T) {
	documented := testkit.TheContract().Operations()
	for i, operation := range documented {
		documented[i] = strings.ReplaceAll(operation, "{id}", ":id")
	}
	promised := slices.DeleteFunc(slices.Clone(golden), isForDevelopment)
	require.ElementsMatch(t, promised, documented)
}

// isForDevelopment tells whether a route is absent in production, and so not in the contract.
func isForDevelopment(route string) bool { return strings.Contains(route, " /dev/") }

func TestTheContractIsServed(t *testing.T) {
	app := testkit.NewApp(t, testkit.SQLite(t))
	asYAML := app.Get(t, "/openapi.yaml", "")
	require.Equal(t, 200, asYAML.Status)
	require.Equal(t, "application/yaml", asYAML.Header.Get("Content-Type"))
	require.Equal(t, string(api.Document()), asYAML.Body)
	asJSON := app.Get(t, "/openapi.json", "")
	require.Equal(t, 200, asJSON.Status)
	require.Equal(t, "3.1.0", asJSON.Text(t, "openapi"))
}
