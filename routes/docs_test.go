package routes_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"latchkey/problems"
	"latchkey/testkit"
)

func TestDocs_HasAContentSecurityPolicyOfItsOwn(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	page := app.Get(t, "/docs", "")
	require.Equal(t, 200, page.Status)
	require.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
	policy := page.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "script-src 'self';")
	require.NotContains(t, policy, "unsafe")
	require.NotContains(t, page.Body, "//", "another host")
	for name, contentType := range map[string]string{
		"swagger-ui.css": "text/css; charset=utf-8", "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
		"swagger-ui-bundle.js.LICENSE.txt": "text/plain; charset=utf-8", "initializer.js": "text/javascript; charset=utf-8",
	} {
		file := app.Get(t, "/docs/"+name, "")
		require.Equal(t, 200, file.Status, name)
		require.Equal(t, contentType, file.Header.Get("Content-Type"), name)
		require.Equal(t, "default-src 'none'; frame-ancestors 'none'", file.Header.Get("Content-Security-Policy"), name)
		again := app.Do(t, testkit.Call{Method: http.MethodGet, Path: "/docs/" + name,
			Header: map[string]string{"If-None-Match": file.Header.Get("ETag")}})
		require.Equal(t, 304, again.Status, name)
	}
	for _, name := range []string{"docs.go", "swagger-ui", "..%2fapi.go", "%2e%2e", "index.html/x"} {
		unknown := app.Get(t, "/docs/"+name, "")
		require.Equal(t, 404, unknown.Status, name)
		require.Equal(t, "not_found", unknown.Text(t, "code"), name)
	}
}

// A developer tries the service on its docs page: they sign up, log in, authorize with the token and read their profile.
func TestDocs_CallsTheRunningServer(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	docs := docsPage{t, testkit.NewBrowser(t)}
	docs.do(chromedp.Navigate(app.URL+"/docs"), chromedp.WaitVisible(chromedp.CSS(".opblock")))
	testkit.Screenshot(t, docs.browser, "docs")

	docs.open("signUp", "post", signup)
	require.Equal(t, "201", docs.execute("signUp"))
	docs.open("logIn", "post", login)
	require.Equal(t, "200", docs.execute("logIn"))
	token := testkit.Response{Body: docs.text("logIn", ".live-responses-table .highlight-code code")}.Text(t, "access_token")
	docs.open("showProfile", "get", profile)
	require.Equal(t, "401", docs.execute("showProfile"))
	docs.clear("showProfile")
	docs.authorize(token)
	require.Equal(t, "200", docs.execute("showProfile"))
	require.Contains(t, docs.text("showProfile", ".live-responses-table .highlight-code code"), "ann@example.com")
	testkit.Screenshot(t, docs.browser, "docs-profile")

	location, err := chromedp.Run(docs.browser, chromedp.Location())
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(location, "/docs#/profile/showProfile"), "an operation has an address: %s", location)
}

// docsPage operates Swagger UI as a person does.
type docsPage struct {
	t       *testing.T
	browser context.Context
}

func (d docsPage) do(steps ...chromedp.Action[chromedp.Void]) {
	d.t.Helper()
	require.NoError(d.t, chromedp.Do(d.browser, steps...))
}

// part returns the selector of a part of an operation's block, whose id is operations-TAG-OPERATION.
func (docsPage) part(operation, part string) string {
	return `.opblock[id$="-` + operation + `"] ` + part
}

func (d docsPage) text(operation, part string) string {
	d.t.Helper()
	text, err := chromedp.Run(d.browser, testkit.Text(d.part(operation, part)))
	require.NoError(d.t, err)
	return text
}

// open shows an operation's block and waits until Swagger UI can execute it, with the example as its body.
func (d docsPage) open(operation, method, path string) {
	d.t.Helper()
	d.do(testkit.Click(d.part(operation, ".opblock-summary-control")), chromedp.PollFunction[chromedp.Void](`
		(method, path) => {
			const { specSelectors, oas3Selectors } = ui.getSystem();
			const operation = specSelectors.specResolvedSubtree(["paths", path, method]);
			const isFilledIn = operation && (!operation.get("requestBody") || oas3Selectors.requestBodyValue(path, method));
			return isFilledIn ? {} : null;
		}`, chromedp.WithPollingArgs(method, path)))
}

// execute sends the request as the page has filled it in, and returns the status of the response.
func (d docsPage) execute(operation string) string {
	d.t.Helper()
	d.do(testkit.Click(d.part(operation, ".execute")))
	return d.text(operation, ".live-responses-table tbody .response-col_status")
}

// clear removes the last response, so that it is not mistaken for the next one.
func (d docsPage) clear(operation string) {
	d.t.Helper()
	d.do(testkit.Click(d.part(operation, ".btn-clear")),
		testkit.Gone(d.part(operation, ".live-responses-table")))
}

func (d docsPage) authorize(token string) {
	d.t.Helper()
	d.do(
		testkit.Click(".auth-wrapper .authorize"),
		chromedp.SendKeys(chromedp.CSS(".modal-ux input"), token),
		testkit.Click(".modal-ux .btn.authorize"),
	)
	testkit.Screenshot(d.t, d.browser, "docs-authorized")
	d.do(testkit.Click(".modal-ux .btn-done"))
}

// The type of every problem is the URL of its row on a page of this server.
func TestErrorsPage_IsTheTypeOfEveryProblem(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	page := app.Get(t, "/errors", "")
	require.Equal(t, 200, page.Status)
	require.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
	require.NotContains(t, page.Header.Get("Content-Security-Policy"), "unsafe")
	problem := app.Get(t, profile, "").Text(t, "type")
	require.Equal(t, "http://localhost:8080/errors#credentials_missing", problem)
	for code, status := range problems.Statuses() {
		require.Contains(t, page.Body, fmt.Sprintf(`<tr id="%s"><td><a href="#%s"><code>%s</code></a></td><td>%d `, code, code, code, status))
	}
}

func TestErrorsPage_ShowsTheCodeInTheURL(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	browser := testkit.NewBrowser(t)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate(app.URL+"/errors#token_expired")))
	shown, err := chromedp.Run(browser, testkit.Text(":target"))
	require.NoError(t, err)
	require.Contains(t, shown, "401 Unauthorized")
	require.Contains(t, shown, "get a new one with the refresh token, and repeat the call")
	testkit.Screenshot(t, browser, "errors")
}

func TestDocs_CanBeTurnedOff(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), "DOCS=false")
	for _, path := range []string{"/docs", "/docs/initializer.js"} {
		requireCode(t, 404, "not_found", app.Get(t, path, ""))
	}
	require.Equal(t, 200, app.Get(t, "/errors", "").Status, "the types of problems lead there")
}

func TestDocuments_AreCompressedAndRevalidated(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	for path, contentType := range map[string]string{
		"/openapi.yaml": "application/yaml", "/openapi.json": "application/json", "/errors": "text/html; charset=utf-8",
	} {
		get := func(header, value string) testkit.Response {
			return app.Do(t, testkit.Call{Method: http.MethodGet, Path: path, Header: map[string]string{header: value}})
		}
		plain, compressed := get("Accept-Encoding", "identity"), get("Accept-Encoding", "gzip")
		require.Equal(t, contentType, plain.Header.Get("Content-Type"))
		require.Equal(t, contentType, compressed.Header.Get("Content-Type"))
		require.Equal(t, "gzip", compressed.Header.Get("Content-Encoding"))
		require.Less(t, len(compressed.Body), len(plain.Body)/2, path)
		require.NotEqual(t, plain.Header.Get("ETag"), compressed.Header.Get("ETag"))
		require.Equal(t, 304, get("If-None-Match", compressed.Header.Get("ETag")).Status, "the client of Go accepts gzip")
	}
	secret := app.Do(t, testkit.Call{Method: http.MethodGet, Path: profile, Token: app.Signup(t, "ann@example.com"),
		Header: map[string]string{"Accept-Encoding": "gzip"}})
	require.Empty(t, secret.Header.Get("Content-Encoding"), "what is secret is not compressed")
	require.Equal(t, "no-store", secret.Header.Get("Cache-Control"))
}
