package routes_test

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
	"latchkey/tokens"
)

// oneTimeToken returns the emailed token with this id, as the service issues it.
func oneTimeToken(id uuid.UUID) string {
	confirming, err := tokens.NewCodec("lko_", tokens.DeriveKey([]byte(testkit.SecretKey), "one-time-token"))
	if err != nil {
		panic(err)
	}
	return confirming.Encode(tokens.Handle{ID: id})
}

// bodies returns the bodies with which operations get as far as the database. Operations that are not in it accept {}.
func bodies(refresh string) map[string]string {
	oneTime := oneTimeToken(uuid.Max)
	account := object([]string{"email", "bob@example.com", "password", testkit.Password})
	return map[string]string{
		"POST /api/v1/signup":          account,
		"POST /api/v1/login":           account,
		"POST /api/v1/token/refresh":   refreshing(refresh),
		"POST /api/v1/email/verify":    object([]string{"email", annAddress, "code", "123456"}),
		"POST /api/v1/email/resend":    object([]string{"email", annAddress}),
		"POST /api/v1/email/undo":      object([]string{"token", oneTime}),
		"POST /api/v1/email/change":    object([]string{"new_email", "ann@example.org", "current_password", testkit.Password}),
		"POST /api/v1/password/forgot": object([]string{"email", annAddress}),
		"POST /api/v1/password/reset":  object([]string{"email", annAddress, "code", "123456", "new_password", newPassword}),
		"POST /api/v1/password/change": object([]string{"current_password", testkit.Password, "new_password", newPassword}),
		"DELETE /api/v1/profile":       object([]string{"current_password", testkit.Password}),
	}
}

func refreshing(token string) string { return object([]string{"refresh_token", token}) }

// sent returns a call of an operation, "POST /path" of the contract.
func sent(operation, body, token string) testkit.Call {
	method, path, _ := strings.Cut(operation, " ")
	call := testkit.Call{Method: method, Path: strings.ReplaceAll(path, "{id}", uuid.Max.String()), Token: token}
	if method != http.MethodGet && method != http.MethodHead {
		call.Body = body
	}
	return call
}

// These responses are the same for all operations that declare them.
func TestOperations_RefuseInvalidBodies(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	access := app.Signup(t, annAddress)
	for status, spoil := range map[int]func(*testkit.Call){
		http.StatusBadRequest:            func(call *testkit.Call) { call.Body, call.Path = "{", call.Path+"?limit=many" },
		http.StatusRequestEntityTooLarge: func(call *testkit.Call) { call.Body = strings.Repeat(" ", 65*1024) },
		http.StatusUnsupportedMediaType:  func(call *testkit.Call) { call.Body, call.Type = "a=b", "application/x-www-form-urlencoded" },
	} {
		for _, operation := range testkit.TheContract().Answering(strconv.Itoa(status)) {
			call := sent(operation, "{}", access)
			spoil(&call)
			require.Equal(t, status, app.Do(t, call).Status, operation)
		}
	}
}

func TestOperations_LimitedOnesRespondWith429(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), limitsOn, behindProxy, "RATE_LIMIT_LOGIN=1/24h", "RATE_LIMIT_SIGNUP=1/24h",
		"RATE_LIMIT_REFRESH=1/24h", "RATE_LIMIT_MAIL=1/24h", "RATE_LIMIT_SECRET=1/24h", "RATE_LIMIT_EXPORT=1/24h")
	access := app.Signup(t, annAddress)
	for i, operation := range testkit.TheContract().Answering("429") {
		call := sent(operation, "{}", access)
		call.Header = map[string]string{"X-Forwarded-For": "192.0.2." + strconv.Itoa(i)}
		require.NotEqual(t, http.StatusTooManyRequests, app.Do(t, call).Status, operation)
		limited(t, app.Do(t, call))
	}
}

// whole returns a call of every operation with a body that is right, as the user of session.
func whole(session testkit.Tokens, operations []string) map[string]testkit.Call {
	known := bodies(session.Refresh)
	known["POST /api/v1/token/verify"] = object([]string{"token", session.Access})
	calls := map[string]testkit.Call{}
	for _, operation := range operations {
		calls[operation] = sent(operation, cmp.Or(known[operation], "{}"), session.Access)
	}
	return calls
}

// Without its database, every operation that needs it is unavailable, and reveals nothing.
func TestOperations_WithoutADatabaseAreUnavailable(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	app.Signup(t, annAddress)
	session := app.Login(t, annAddress)
	require.NoError(t, database.Close(app.DB))
	for operation, call := range whole(session, testkit.TheContract().Answering("500")) {
		answer := app.Do(t, call)
		requireCode(t, http.StatusServiceUnavailable, "unavailable", answer)
		require.NotContains(t, answer.Body, "sql", operation)
	}
}

// Without its tables, which is nobody's fault but ours, every operation that needs them fails and reveals nothing.
func TestOperations_WithoutTablesFailAndRevealNothing(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	app.Signup(t, annAddress)
	session := app.Login(t, annAddress)
	for _, table := range []string{"audit_events", "one_time_tokens", "login_throttles", "sessions", "users", "river_job", "goose_db_version"} {
		require.NoError(t, app.DB.Migrator().DropTable(table))
	}
	for operation, call := range whole(session, testkit.TheContract().Answering("500")) {
		answer := app.Do(t, call)
		requireCode(t, http.StatusInternalServerError, "internal_error", answer)
		require.NotContains(t, answer.Body, "sql", operation)
	}
	for _, operation := range []string{"GET /readyz", "HEAD /readyz"} {
		require.Equal(t, http.StatusServiceUnavailable, app.Do(t, sent(operation, "", "")).Status)
	}
}

// hashing are the operations that compute a hash.
func hashing() []string {
	return []string{
		"POST /api/v1/signup", "POST /api/v1/login", "POST /api/v1/password/change", "POST /api/v1/password/reset",
		"POST /api/v1/email/change", "DELETE /api/v1/profile",
	}
}

// All workers are busy, so every operation that would hash responds with a Retry-After.
func TestOperations_HashingOnesRespondWith503IfOverloaded(t *testing.T) {
	for counts := false; !counts; {
		app := testkit.NewHashingApp(t, testkit.SQLite(t), 1, cheap("PASSWORD_HASH_WAIT=1ms")...)
		access := app.Signup(t, annAddress)
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		known := bodies("")
		known["POST /api/v1/password/reset"] = object([]string{
			"token", mailWithLink(t, app, "/reset-password").Token(t), "new_password", newPassword,
		})
		ended := occupy(t, app)
		answers := map[string]testkit.Response{}
		for _, operation := range hashing() {
			answers[operation] = app.Do(t, sent(operation, known[operation], access))
		}
		if counts = isOpen(ended); !counts {
			continue
		}
		require.NotEmpty(t, answers)
		for _, answer := range answers {
			requireCode(t, http.StatusServiceUnavailable, "overloaded", answer)
		}
	}
}
