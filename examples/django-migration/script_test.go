package migration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// step is one request of a client that does not know which server it talks to. {name} in body or token stands for the value
// of that field in the latest response that had it.
type step struct {
	what   string
	method string
	path   string
	body   string
	token  string
}

const newPassword = "plum tree by the gate"

// script returns a client's requests: valid and invalid ones, with a new account and with those that were migrated.
func script(users []seeded) []step {
	const create, obtain, update = "/user/create/", "/user/obtain_token/", "/user/update/"
	const pair, refresh, verify = "/api/token/", "/api/token/refresh/", "/api/token/verify/"
	steps := []step{
		{"sign up", "POST", create, `{"email":"new@example.com","password":"` + newPassword + `","first_name":" New "}`, ""},
		{"sign up again", "POST", create, `{"email":"new@example.com","password":"` + newPassword + `"}`, ""},
		{"sign up with nothing", "POST", create, `{}`, ""},
		{"sign up with blanks", "POST", create, `{"email":" ","password":"","first_name":null,"last_name":[]}`, ""},
		{"sign up with a bad email", "POST", create, `{"email":"new","password":"` + newPassword + `"}`, ""},
		{"sign up with wrong types", "POST", create, `{"email":true,"password":{}}`, ""},
		{"sign up with a long name", "POST", create,
			`{"email":"x@example.com","password":"` + newPassword + `","first_name":"` + strings.Repeat("x", 151) + `"}`, ""},
		{"sign up with a list", "POST", create, `[]`, ""},
		{"sign up with a string", "POST", create, `"x"`, ""},
		{"sign up with a whole number", "POST", create, `5`, ""},
		{"sign up with a number", "POST", create, `5.5`, ""},
		{"sign up with null", "POST", create, `null`, ""},
		{"sign up with a long email", "POST", create,
			`{"email":"x@` + strings.Repeat("long.", 60) + `example.com","password":"` + newPassword + `"}`, ""},

		{"obtain with nothing", "POST", obtain, `{}`, ""},
		{"obtain without a password", "POST", obtain, `{"email":"new@example.com"}`, ""},
		{"obtain with a wrong password", "POST", obtain, `{"email":"new@example.com","password":"wrong"}`, ""},
		{"obtain for nobody", "POST", obtain, `{"email":"nobody@example.com","password":"wrong"}`, ""},
		{"obtain", "POST", obtain, `{"email":"new@example.com","password":"` + newPassword + `"}`, ""},

		{"show nobody", "GET", update, ``, ""},
		{"show with a wrong token", "GET", update, ``, "x.y.z"},
		{"show with half a header", "GET", update, ``, " "},
		{"show with a header too many", "GET", update, ``, "x.y.z x"},
		{"show", "GET", update, ``, "{token}"},
		{"change under user", "PUT", update, `{"user":{"first_name":"Newer"}}`, "{token}"},
		{"change", "PATCH", update, `{"last_name":"Name"}`, "{token}"},
		{"change nothing", "PATCH", update, `{}`, "{token}"},
		{"change to blank", "PUT", update, `{"first_name":""}`, "{token}"},
		{"change to null", "PUT", update, `{"first_name":null}`, "{token}"},
		{"change to a list", "PUT", update, `{"first_name":[]}`, "{token}"},
		{"change to too much", "PUT", update, `{"first_name":"` + strings.Repeat("x", 151) + `"}`, "{token}"},
		{"change to null under user", "PUT", update, `{"user":null}`, "{token}"},
		{"change to a blank email", "PUT", update, `{"email":""}`, "{token}"},
		{"change to no email", "PUT", update, `{"email":"new"}`, "{token}"},
		{"change to a blank password", "PUT", update, `{"password":" "}`, "{token}"},
		{"change to a null password", "PUT", update, `{"password":null}`, "{token}"},
		{"change of nobody", "PUT", update, `{}`, ""},
		{"show what changed", "GET", update, ``, "{token}"},

		{"a pair", "POST", pair, `{"email":"new@example.com","password":"` + newPassword + `"}`, ""},
		{"a pair for nothing", "POST", pair, `{}`, ""},
		{"a pair for blanks", "POST", pair, `{"email":"","password":null}`, ""},
		{"a pair for a wrong password", "POST", pair, `{"email":"new@example.com","password":"wrong"}`, ""},
		{"verify the access token", "POST", verify, `{"token":"{access}"}`, ""},
		{"verify the refresh token", "POST", verify, `{"token":"{refresh}"}`, ""},
		{"verify nothing", "POST", verify, `{}`, ""},
		{"verify what is no token", "POST", verify, `{"token":"x.y.z"}`, ""},
		{"refresh", "POST", refresh, `{"refresh":"{refresh}"}`, ""},
		{"refresh by the new one", "POST", refresh, `{"refresh":"{refresh}"}`, ""},
		{"refresh by an access token", "POST", refresh, `{"refresh":"{access}"}`, ""},
		{"refresh by nothing", "POST", refresh, `{}`, ""},
		{"refresh by what is no token", "POST", refresh, `{"refresh":"x.y.z"}`, ""},
	}
	for _, user := range users {
		login := fmt.Sprintf(`{"email":%q,"password":%q}`, user.Email, user.Password)
		wrong := fmt.Sprintf(`{"email":%q,"password":"wrong"}`, user.Email)
		steps = append(steps,
			step{"a token from Django of " + user.Email, "GET", update, ``, user.DRF},
			step{"a pair for " + user.Email, "POST", pair, login, ""},
			step{"a wrong password of " + user.Email, "POST", pair, wrong, ""},
			step{"obtain for " + user.Email, "POST", obtain, login, ""},
			step{"verify the refresh token from Django of " + user.Email, "POST", verify, `{"token":"` + user.Refresh + `"}`, ""},
		)
		if user.Active { // neither Django's verification nor its refresh checks that
			steps = append(steps,
				step{"verify the access token from Django of " + user.Email, "POST", verify, `{"token":"` + user.Access + `"}`, ""},
				step{"exchange the refresh token from Django of " + user.Email, "POST", refresh, `{"refresh":"` + user.Refresh + `"}`, ""},
				step{"show " + user.Email, "GET", update, ``, "{token}"},
			)
		}
	}
	return steps
}

// response is what a client sees of a server's response, except for values that differ between two servers.
type response struct {
	What      string
	Status    int
	Challenge string
	Body      any
}

// play sends each step to the server at the base of its path, and returns the responses.
func play(t *testing.T, baseOf func(path string) string, steps []step) []response {
	t.Helper()
	var responses []response
	learnt := map[string]string{}
	for _, step := range steps {
		fill := func(text string) string {
			for name, value := range learnt {
				text = strings.ReplaceAll(text, "{"+name+"}", value)
			}
			return text
		}
		base := baseOf(step.path)
		request, err := http.NewRequestWithContext(t.Context(), step.method, base+step.path, strings.NewReader(fill(step.body)))
		require.NoError(t, err)
		if step.body != "" {
			request.Header.Set("Content-Type", "application/json")
		}
		if step.token != "" {
			request.Header.Set("Authorization", "Bearer "+fill(step.token))
		}
		received, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(received.Body)
		require.NoError(t, err)
		require.NoError(t, received.Body.Close())
		seen := response{What: step.what, Status: received.StatusCode, Challenge: received.Header.Get("WWW-Authenticate")}
		require.NoError(t, json.Unmarshal(body, &seen.Body), "%s at %s: %d %s", step.what, base, seen.Status, body)
		mask(seen.Body, learnt)
		responses = append(responses, seen)
	}
	return responses
}

// mask stores the tokens of a body in learnt, and replaces what differs between two servers: ids, dates and tokens.
func mask(body any, learnt map[string]string) {
	fields, isObject := body.(map[string]any)
	if !isObject {
		return
	}
	for name, value := range fields {
		text, isText := value.(string)
		if isText && slices.Contains([]string{"token", "access", "refresh"}, name) {
			learnt[name], fields[name] = text, "a token"
		}
		if slices.Contains([]string{"id", "date_joined"}, name) {
			fields[name] = "some " + name
		}
	}
}
