package routes_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/testkit"
)

// Whatever comes in, an operation answers what the contract declares, and never that it is our fault. A body has the members
// that the contract gives it, each as a client would send it, or missing, or something else, and sometimes others.
func TestNoRequestIsOurFault(t *testing.T) {
	app := testkit.NewApp(t, testkit.SQLite(t))
	app.Signup(t, annAddress)
	operations := testkit.TheContract().Operations()
	rapid.Check(t, func(r *rapid.T) {
		session := app.Login(t, annAddress) // the last request may have ended it
		operation := rapid.SampledFrom(operations).Draw(r, "operation")
		method, path, _ := strings.Cut(operation, " ")
		call := testkit.Call{
			Method: method, Path: strings.ReplaceAll(path, "{id}", rapid.SampledFrom(ids).Draw(r, "id")),
			Token: rapid.SampledFrom([]string{session.Access, session.Access, "", "x", session.Refresh}).Draw(r, "token"),
			Type:  rapid.SampledFrom([]string{"", "", "", "application/json; charset=utf-8", "text/plain", "application/json;"}).Draw(r, "type"),
			Header: map[string]string{
				"Accept-Language": rapid.SampledFrom([]string{"", "de", "x-;q=2", strings.Repeat("a-", 500)}).Draw(r, "language"),
				"User-Agent":      rapid.StringMatching(`[ -~]{0,40}`).Draw(r, "agent"),
			},
			OffContract: true, // what is accepted may be more than the contract promises to take
		}
		if method != http.MethodGet && method != http.MethodHead {
			call.Body = body(testkit.TheContract().Members(operation), proper(session)).Draw(r, "body")
		}
		answer := app.Do(t, call)
		require.Less(r, answer.Status, http.StatusInternalServerError, "%s %s %s: %s", method, call.Path, call.Body, answer.Body)
		undo(t, app)
	})
}

var ids = []string{"019a0000-0000-7000-8000-000000000000", "x", "%00", "%2e%2e", "' OR 1=1", "🗝"}

// proper are values that operations take for the members of their bodies.
func proper(session testkit.Tokens) map[string]string {
	return map[string]string{
		"email": annAddress, "password": testkit.Password, "first_name": "Ann", "last_name": "Bee", "client_name": "phone",
		"refresh_token": session.Refresh, "token": session.Access, "code": "123456", "new_password": newPassword,
		"current_password": testkit.Password, "new_email": "ann@example.org", "locale": "de", "timezone": "Europe/Berlin",
		"device_token": "lkd_x", "scope": "others",
	}
}

// body is a JSON object of members, or another text.
func body(members []string, proper map[string]string) *rapid.Generator[string] {
	return rapid.Custom(func(r *rapid.T) string {
		if rapid.IntRange(0, 9).Draw(r, "kind") == 0 {
			return rapid.SampledFrom([]string{"", "{", "[]", "null", `"x"`, "{}{}", `{"email":1,"email":2}`, "\xff", "{\"\\u0000\":1}"}).Draw(r, "text")
		}
		object := map[string]any{}
		for _, name := range slices.Concat(members, []string{"is_superuser", "\u202eid"}) {
			_, known := proper[name]
			switch fate := rapid.IntRange(0, 9).Draw(r, name); {
			case fate < 7 && known:
				object[name] = proper[name]
			case fate == 8 || fate == 9 && known:
				object[name] = value().Draw(r, "value")
			}
		}
		text, err := json.Marshal(object)
		require.NoError(r, err)
		return string(text)
	})
}

// value is one that a member rarely has.
func value() *rapid.Generator[any] {
	return rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Float64Range(-1e300, 1e300).AsAny(), rapid.String().AsAny(),
		rapid.SliceOfN(rapid.String(), 0, 3).AsAny(), rapid.MapOfN(rapid.String(), rapid.Int(), 0, 3).AsAny(),
		rapid.SampledFrom([]any{strings.Repeat("x", 5000), "\u202e", "İ", "a@b", "' OR 1=1 --", strings.Repeat("[", 2000), "\x00"}),
	)
}

// undo gives Ann back what a request that was right has taken from her.
func undo(t *testing.T, app *testkit.App) {
	t.Helper()
	encoded, err := app.Hasher.Hash(t.Context(), testkit.Password)
	require.NoError(t, err)
	require.NoError(t, app.DB.Exec("UPDATE users SET password = ?, deletion_due_at = NULL WHERE email = ?", encoded, annAddress).Error)
	require.NoError(t, app.DB.Exec("DELETE FROM login_throttles").Error)
}
