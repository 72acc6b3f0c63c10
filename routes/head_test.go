package routes_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// HEAD gets what GET gets, without the body (RFC 9110, section 9.3.2): at every path that has GET.
func TestHEAD_IsGETWithoutABody(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	token, paths := app.Signup(t, annAddress), 0
	for _, route := range app.Server.Engine.Routes() {
		if route.Method != http.MethodGet {
			continue
		}
		paths++
		path := strings.ReplaceAll(route.Path, ":file", "initializer.js")
		for _, bearer := range []string{token, ""} {
			ask := func(method string) testkit.Response {
				answer := app.Do(t, testkit.Call{Method: method, Path: path, Token: bearer, Header: map[string]string{"Accept-Encoding": "identity"}})
				for _, differs := range []string{"Date", "X-Request-Id"} {
					answer.Header.Del(differs)
				}
				return answer
			}
			got, head := ask(http.MethodGet), ask(http.MethodHead)
			require.Equal(t, got.Status, head.Status, path)
			require.NotEmpty(t, got.Body, path)
			require.Empty(t, head.Body, path)
			if strings.Contains(path, "export") && bearer != "" { // says when it was made
				head.Header.Del("Content-Length")
				got.Header.Del("Content-Length")
			}
			require.Equal(t, got.Header, head.Header, path)
		}
	}
	require.Greater(t, paths, 10)
}

// Whatever a path does not support gets 405 and the methods that it does, in the service's own words.
func TestMethods_ThatAPathDoesNotSupportGet405(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), "DJANGO_COMPAT=true")
	user := "Authorization: Bearer " + app.Signup(t, annAddress) + "\r\n" // Django's views ask who it is first
	supported := map[string][]string{}
	for _, route := range app.Server.Engine.Routes() {
		supported[route.Path] = append(supported[route.Path], route.Method)
	}
	for path, methods := range supported {
		path = strings.NewReplacer(":id", "x", ":file", "x").Replace(path)
		for _, method := range []string{
			"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "MKCOL", "CONNECT", "QUERY", "FOO", "get", "Post",
		} {
			if slices.Contains(methods, method) {
				continue
			}
			answer := raw(t, app, method+" "+path+" HTTP/1.1\r\nHost: localhost:8080\r\n"+user+"Connection: close\r\n\r\n")
			if method == "CONNECT" { // whose target is a host
				require.NotEqual(t, 200, answer.Status, path)
				continue
			}
			require.Equal(t, 405, answer.Status, "%s %s", method, path)
			require.ElementsMatch(t, methods, strings.Split(answer.Header.Get("Allow"), ", "), "%s %s", method, path)
		}
	}
}
