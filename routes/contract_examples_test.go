package routes_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// secrets returns the members of an operation's example that can't be known in advance, such as tokens. It gets them from the
// account that the example of the sign-up created. Other operations accept their example unchanged.
func secrets(t *testing.T, app *testkit.App, operation string, session testkit.Tokens) map[string]any {
	t.Helper()
	switch operation {
	case "POST /api/v1/token/refresh":
		return map[string]any{"refresh_token": session.Refresh}
	case "POST /api/v1/token/verify":
		return map[string]any{"token": session.Access}
	case "POST /api/v1/email/verify":
		return map[string]any{"code": mailWithLink(t, app, "/verify-email").Code}
	case "POST /api/v1/password/reset":
		succeeds(t, app, "password/forgot", "", "email", annAddress)
		return map[string]any{"code": mailWithLink(t, app, "/reset-password").Code}
	case "POST /api/v1/email/undo":
		succeeds(t, app, "email/verify", "", "token", app.Mail(t, annAddress).Token(t))
		changeAddress(t, app, session.Access, "ann@example.org")
		return map[string]any{"token": mailWithLink(t, app, "/undo-email-change").Token(t)}
	default:
		return nil
	}
}

// The contract's examples can be copied in any order: each is accepted.
func TestContract_ExamplesWork(t *testing.T) {
	t.Parallel()
	contract := testkit.TheContract()
	for _, operation := range contract.Operations() {
		if contract.Members(operation) == nil {
			continue
		}
		t.Run(operation, func(t *testing.T) {
			app := testkit.NewApp(t, testkit.SQLite(t))
			example := maps.Clone(contract.Sample(operation))
			require.NotEmpty(t, example)
			var session testkit.Tokens
			if operation != "POST /api/v1/signup" {
				session = send(t, app, "POST /api/v1/signup", contract.Sample("POST /api/v1/signup"), "").Tokens(t)
				maps.Copy(example, secrets(t, app, operation, session))
			}
			answer := send(t, app, operation, example, session.Access)
			require.Less(t, answer.Status, http.StatusBadRequest, answer.Body)
			require.NotContains(t, answer.Body, `"active":false`)
		})
	}
}

func send(t *testing.T, app *testkit.App, operation string, body map[string]any, access string) testkit.Response {
	t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	text, err := json.Marshal(body)
	require.NoError(t, err)
	return app.Do(t, testkit.Call{Method: method, Path: path, Token: access, Body: string(text)})
}
