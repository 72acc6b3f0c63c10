package routes_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"latchkey/testkit"
)

// Whatever the request is, every operation responds as the contract declares, and never with a status of 500 or above. A body has
// the members of the contract, each valid, missing or of any other value, and sometimes other members. A valid request is
// accepted.
func TestContract_NoRequestEndsInAServerError(t *testing.T) {
	t.Parallel()
	world := newFuzzed(t, testkit.SQLite(t))
	for _, operation := range testkit.TheContract().Operations() {
		t.Run(operation, func(t *testing.T) {
			accepted := 0
			rapid.Check(t, func(r *rapid.T) {
				isProper := rapid.IntRange(0, 3).Draw(r, "proper") == 0
				call := world.improper(operation).Draw(r, "call")
				if isProper {
					call = world.proper(operation)
				}
				answer := world.app.Do(t, call)
				require.Less(r, answer.Status, http.StatusInternalServerError, "%s %s: %s", operation, call.Body, answer.Body)
				require.False(r, isProper && answer.Status >= http.StatusMultipleChoices, "%s %s: %s", operation, call.Body, answer.Body)
				if answer.Status < http.StatusMultipleChoices {
					accepted++
				}
				world.restore(t)
			})
			require.Positive(t, accepted)
		})
	}
}

// fuzzed is a service with two users: Ann, who has two sessions and unused emails, and Bob, who can undo a change of address.
type fuzzed struct {
	app     *testkit.App
	session testkit.Tokens
	other   string // Ann's other session
	tokens  map[string]string
}

// snapshots are the tables that requests change, parents first.
var snapshots = []string{"users", "sessions", "one_time_tokens", "login_throttles"}

func newFuzzed(t *testing.T, db *gorm.DB) fuzzed {
	t.Helper()
	const bob = "bob@example.com"
	app := testkit.NewApp(t, db)
	changeAddress(t, app, app.Signup(t, bob), "bob@example.org")
	app.Signup(t, annAddress)
	session := app.Login(t, annAddress)
	succeeds(t, app, "password/forgot", "", "email", annAddress)
	world := fuzzed{app: app, session: session, tokens: map[string]string{
		"POST /api/v1/email/undo":     mailWithLink(t, app, "/undo-email-change").Token(t),
		"POST /api/v1/email/verify":   mailWithLink(t, app, "/verify-email").Token(t),
		"POST /api/v1/password/reset": mailWithLink(t, app, "/reset-password").Token(t),
	}}
	for i := range app.Get(t, "/api/v1/sessions", session.Access).Field(t, "sessions").([]any) {
		answer := app.Get(t, "/api/v1/sessions", session.Access)
		if at := "sessions." + strconv.Itoa(i) + "."; answer.Field(t, at+"current") == false {
			world.other = answer.Text(t, at+"id")
		}
	}
	require.NotEmpty(t, world.other)
	for _, table := range snapshots {
		require.NoError(t, app.DB.Exec("CREATE TABLE kept_"+table+" AS SELECT * FROM "+table).Error)
	}
	return world
}

// restore resets the tables to the snapshots, so that the next request finds what it needs.
func (f fuzzed) restore(t *testing.T) {
	t.Helper()
	require.NoError(t, f.app.DB.Transaction(func(tx *gorm.DB) error {
		var errs []error
		for _, table := range slices.Backward(snapshots) {
			errs = append(errs, tx.Exec("DELETE FROM "+table).Error)
		}
		for _, table := range snapshots {
			errs = append(errs, tx.Exec("INSERT INTO "+table+" SELECT * FROM kept_"+table).Error)
		}
		return errors.Join(errs...)
	}))
}

// proper returns a valid request. Where a token can stand for an email and a code, it has the token.
func (f fuzzed) proper(operation string) testkit.Call {
	call, values := sent(operation, "", f.session.Access), f.values(operation)
	call.Path = strings.ReplaceAll(call.Path, uuid.Max.String(), f.other)
	object := map[string]string{}
	for _, name := range testkit.TheContract().Members(operation) {
		if value, known := values[name]; known {
			object[name] = value
		}
	}
	if f.tokens[operation] != "" {
		delete(object, "email")
		delete(object, "code")
	}
	if text, err := json.Marshal(object); err == nil && len(object) > 0 {
		call.Body = string(text)
	}
	return call
}

// improper returns a generator of requests in which anything may be invalid.
func (f fuzzed) improper(operation string) *rapid.Generator[testkit.Call] {
	return rapid.Custom(func(r *rapid.T) testkit.Call {
		method, path, _ := strings.Cut(operation, " ")
		call := testkit.Call{
			Method: method, Path: strings.ReplaceAll(path, "{id}", rapid.SampledFrom(ids).Draw(r, "id")),
			Token: rapid.SampledFrom([]string{f.session.Access, f.session.Access, "", "x", f.session.Refresh}).Draw(r, "token"),
			Type:  rapid.SampledFrom([]string{"", "", "", "application/json; charset=utf-8", "text/plain", "application/json;"}).Draw(r, "type"),
			Header: map[string]string{
				"Accept-Language": rapid.SampledFrom([]string{"", "de", "x-;q=2", strings.Repeat("a-", 500)}).Draw(r, "language"),
				"User-Agent":      rapid.StringMatching(`[ -~]{0,40}`).Draw(r, "agent"),
			},
			OffContract: true, // the service may accept more than the contract declares
		}
		if method != http.MethodGet && method != http.MethodHead {
			call.Body = body(testkit.TheContract().Members(operation), f.values(operation)).Draw(r, "body")
		}
		return call
	})
}

var ids = []string{"019a0000-0000-7000-8000-000000000000", "x", "%00", "%2e%2e", "' OR 1=1", "🗝"}

// values returns valid values for the members of an operation's body.
func (f fuzzed) values(operation string) map[string]string {
	values := map[string]string{
		"email": annAddress, "password": testkit.Password, "first_name": "Ann", "last_name": "Bee", "client_name": "phone",
		"refresh_token": f.session.Refresh, "token": f.session.Access, "code": "123456", "new_password": newPassword,
		"current_password": testkit.Password, "new_email": "ann@example.org", "locale": "de", "timezone": "Europe/Berlin",
		"device_token": "lkd_x", "scope": "others",
	}
	if operation == "POST /api/v1/signup" {
		values["email"] = "cat@example.com"
	}
	if token := f.tokens[operation]; token != "" {
		values["token"] = token
	}
	return values
}

// body returns a generator of JSON objects with some of the members, and of other texts.
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

// value returns a generator of unusual values for a member.
func value() *rapid.Generator[any] {
	return rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Float64Range(-1e300, 1e300).AsAny(), rapid.String().AsAny(),
		rapid.SliceOfN(rapid.String(), 0, 3).AsAny(), rapid.MapOfN(rapid.String(), rapid.Int(), 0, 3).AsAny(),
		rapid.SampledFrom([]any{strings.Repeat("x", 5000), "\u202e", "İ", "a@b", "' OR 1=1 --", strings.Repeat("[", 2000), "\x00"}),
	)
}
