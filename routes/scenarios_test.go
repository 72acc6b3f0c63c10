package routes_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/testkit"
)

// scenario is one request against a service with the user ann@example.com, and everything that has to follow from it.
type scenario struct {
	name   string
	call   testkit.Call
	asAnn  bool
	status int
	code   string   // of the problem, for errors
	fields []string // "field code" of each field error, in order
	has    []string // in the body
	hasNot []string // in the body, besides the secrets that no body may have
	users  int      // created by the request
}

const (
	signup   = "/api/v1/signup"
	login    = "/api/v1/login"
	profile  = "/api/v1/profile"
	verify   = "/api/v1/token/verify"
	refresh  = "/api/v1/token/refresh"
	logout   = "/api/v1/logout"
	sessions = "/api/v1/sessions"
)

func post(path, body string) testkit.Call {
	return testkit.Call{Method: http.MethodPost, Path: path, Body: body}
}

func patch(body string) testkit.Call {
	return testkit.Call{Method: http.MethodPatch, Path: profile, Body: body}
}

func put(body string) testkit.Call {
	return testkit.Call{Method: http.MethodPut, Path: profile, Body: body}
}

var secret = strings.ReplaceAll(testkit.Password, " ", "-")

func scenarios() []scenario {
	bob := `{"email":"bob@example.com","password":"` + secret + `"`
	return []scenario{
		{name: "sign up", call: post(signup, bob+`,"first_name":"Bob","last_name":"Cee"}`), status: 201, users: 1,
			has: []string{`"email":"bob@example.com"`, `"full_name":"Bob Cee"`, `"is_staff":false`, `"is_superuser":false`,
				`"last_login":"2026-03-01T12:00:00Z"`, `"refresh_token":"lkr_`, `"refresh_expires_in":2592000`, `"token_type":"Bearer"`, `"expires_in":300`, `"access_token":"ey`}},
		{name: "sign up without names", call: post(signup, bob+`}`), status: 201, users: 1, has: []string{`"full_name":""`}},
		{name: "the email is canonical", call: post(signup, `{"email":" BOB@Example.COM ","password":"`+secret+`"}`),
			status: 201, users: 1, has: []string{`"email":"bob@example.com"`}},
		{name: "sign up with nothing", call: post(signup, `{}`), status: 400, code: "validation_error",
			fields: []string{"email required", "password required"}},
		{name: "malformed email", call: post(signup, `{"email":"bob","password":"`+secret+`"}`),
			status: 400, code: "validation_error", fields: []string{"email invalid"}},
		{name: "taken email", call: post(signup, `{"email":"ANN@example.com","password":"`+secret+`"}`),
			status: 400, code: "validation_error", fields: []string{"email taken"}},
		{name: "short password", call: post(signup, `{"email":"bob@example.com","password":"xk9!qz2"}`),
			status: 400, code: "validation_error", fields: []string{"password password_too_short"}, hasNot: []string{"xk9!qz2"}},
		{name: "common password", call: post(signup, `{"email":"bob@example.com","password":"password123"}`),
			status: 400, code: "validation_error", fields: []string{"password password_too_common"}},
		{name: "every error at once",
			call:   post(signup, `{"email":"bob","password":"`+secret+`","first_name":"\u0007","last_name":"`+strings.Repeat("x", 151)+`"}`),
			status: 400, code: "validation_error",
			fields: []string{"email invalid", "first_name invalid_characters", "last_name too_long"}},
		{name: "a role can't be requested", call: post(signup, bob+`,"is_superuser":true,"is_staff":true}`),
			status: 400, code: "validation_error", fields: []string{"is_staff unknown_field", "is_superuser unknown_field"}},
		{name: "a field in another case", call: post(signup, `{"Email":"bob@example.com","password":"`+secret+`"}`),
			status: 400, code: "validation_error", fields: []string{"Email unknown_field"}},
		{name: "an email that is an array", call: post(signup, `{"email":["bob@example.com"],"password":"`+secret+`"}`),
			status: 400, code: "validation_error", fields: []string{"email invalid_type"}},
		{name: "wrong types", call: post(signup, `{"email":1,"password":{},"first_name":[],"last_name":true}`),
			status: 400, code: "validation_error", fields: []string{"email invalid_type", "password invalid_type",
				"first_name invalid_type", "last_name invalid_type"}},
		{name: "a NUL", call: post(signup, `{"email":"bob@example.com","password":"`+secret+`\u0000"}`),
			status: 400, code: "validation_error", fields: []string{"password invalid_characters"}},
		{name: "a secret as the name of a field", call: post(signup, bob+`,"hunter two!":1}`),
			status: 400, code: "validation_error", fields: []string{"(unknown) unknown_field"}, hasNot: []string{"hunter"}},

		{name: "log in", call: post(login, `{"email":"Ann@example.com","password":"`+testkit.Password+`"}`), status: 200,
			has: []string{`"email":"ann@example.com"`, `"last_login":"2026-03-01T12:00:00Z"`, `"access_token":"ey`, `"expires_in":300`}},
		{name: "wrong password", call: post(login, `{"email":"ann@example.com","password":"`+secret+`"}`),
			status: 401, code: "invalid_credentials"},
		{name: "the right password with a space", call: post(login, `{"email":"ann@example.com","password":"`+testkit.Password+` "}`),
			status: 401, code: "invalid_credentials"},
		{name: "unknown email", call: post(login, bob+`}`), status: 401, code: "invalid_credentials"},
		{name: "log in with nothing", call: post(login, `{}`), status: 400, code: "validation_error",
			fields: []string{"email required", "password required"}},

		{name: "profile", call: testkit.Call{Method: http.MethodGet, Path: profile}, asAnn: true, status: 200,
			has: []string{`"email":"ann@example.com"`, `"date_joined":"2026-03-01T12:00:00Z"`}},
		{name: "profile without a token", call: testkit.Call{Method: http.MethodGet, Path: profile}, status: 401, code: "credentials_missing"},
		{name: "change one name", call: patch(`{"first_name":" Ann "}`), asAnn: true, status: 200,
			has: []string{`"first_name":"Ann"`, `"last_name":""`}},
		{name: "change nothing", call: patch(`{}`), asAnn: true, status: 200},
		{name: "change without a token", call: patch(`{"first_name":"Ann"}`), status: 401, code: "credentials_missing"},
		{name: "a name that is null in a replacement", call: put(`{"first_name":"Ann","last_name":null}`), asAnn: true, status: 400,
			code: "validation_error", fields: []string{"last_name required"}},
		{name: "what can't be changed", asAnn: true, status: 400, code: "validation_error",
			call: patch(`{"first_name":"Eve","id":1,"email":"eve@example.com","full_name":"","is_staff":true,"is_superuser":true,` +
				`"date_joined":"","last_login":"","password":"` + secret + `","is_active":true}`),
			fields: []string{"id read_only", "email read_only", "full_name read_only", "is_staff read_only",
				"is_superuser read_only", "date_joined read_only", "last_login read_only", "is_active unknown_field", "password unknown_field"}},
		{name: "replace", call: put(`{"first_name":"Ann","last_name":"Bee"}`), asAnn: true, status: 200,
			has: []string{`"full_name":"Ann Bee"`}},
		{name: "replace half", call: put(`{"first_name":"Ann"}`), asAnn: true, status: 400, code: "validation_error",
			fields: []string{"last_name required"}},
		{name: "replace the email", call: put(`{"first_name":"Ann","last_name":"Bee","email":"eve@example.com"}`), asAnn: true,
			status: 400, code: "validation_error", fields: []string{"email read_only"}},

		{name: "verify an invalid token", call: post(verify, `{"token":"x"}`), status: 200, has: []string{`{"active":false}`}},
		{name: "verify nothing", call: post(verify, `{}`), status: 400, code: "validation_error", fields: []string{"token required"}},

		{name: "live", call: testkit.Call{Method: http.MethodGet, Path: "/healthz"}, status: 200, has: []string{`"ok"`}},
		{name: "ready", call: testkit.Call{Method: http.MethodGet, Path: "/readyz"}, status: 200, has: []string{`"ok"`}},
	}
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		for _, s := range scenarios() {
			t.Run(s.name, func(t *testing.T) { s.run(t, app) })
		}
	})
}

func (s scenario) run(t *testing.T, app *testkit.App) {
	require.NoError(t, app.DB.Where("TRUE").Delete(&models.User{}).Error)
	token := app.Signup(t, "ann@example.com")
	before := users(t, app)
	if s.asAnn {
		s.call.Token = token
	}
	answer := app.Do(t, s.call)
	require.Equal(t, s.status, answer.Status, "%s", answer.Body)
	for _, text := range s.has {
		require.Contains(t, answer.Body, text)
	}
	for _, text := range append(s.hasNot, secret, testkit.Password, "argon2") {
		require.NotContains(t, answer.Body, text)
		require.NotContains(t, app.Log.String(), text)
	}
	require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
	if s.status >= 400 {
		s.requireProblem(t, answer)
		require.Equal(t, before, users(t, app), "a refused request writes nothing")
		return
	}
	require.Len(t, users(t, app), len(before)+s.users)
}

func (s scenario) requireProblem(t *testing.T, answer testkit.Response) {
	t.Helper()
	require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))
	require.Equal(t, s.code, answer.Text(t, "code"))
	require.Equal(t, "http://localhost:8080/errors#"+s.code, answer.Text(t, "type"))
	require.EqualValues(t, s.status, answer.Field(t, "status"))
	require.Equal(t, http.StatusText(s.status), answer.Text(t, "title"))
	require.NotEmpty(t, answer.Text(t, "detail"))
	require.Equal(t, answer.Header.Get("X-Request-ID"), answer.Text(t, "request_id"))
	if s.status == http.StatusUnauthorized {
		require.True(t, strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer "))
	}
	if s.fields == nil {
		require.NotContains(t, answer.Body, `"errors"`)
		return
	}
	var fields []string
	for _, each := range answer.Field(t, "errors").([]any) {
		entry := each.(map[string]any)
		require.NotEmpty(t, entry["message"])
		fields = append(fields, entry["field"].(string)+" "+entry["code"].(string))
	}
	require.Equal(t, s.fields, fields)
}

func users(t testing.TB, app *testkit.App) []models.User {
	t.Helper()
	var all []models.User
	require.NoError(t, app.DB.Order("id").Find(&all).Error)
	return all
}
