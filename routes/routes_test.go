package routes_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// Every route of the service. One that is not here was not meant to be.
var golden = []string{
	"DELETE /api/v1/sessions/:id",
	"GET /.well-known/jwks.json",
	"GET /.well-known/openid-configuration",
	"GET /api/v1/profile",
	"GET /api/v1/sessions",
	"GET /healthz",
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
	"GET /.well-known/jwks.json",
	"GET /.well-known/openid-configuration",
	"GET /healthz",
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
