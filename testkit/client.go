package testkit

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Call is a request to an App. Body is sent as it is; Type is its content type, application/json unless set; Token goes
// into the Authorization header after Bearer.
type Call struct {
	Method string
	Path   string
	Body   string
	Type   string
	Token  string
	Header map[string]string

	OffContract bool // the request is not in the contract, but the service accepts it
}

// Response is an App's response.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// Do sends a call and returns the response. It fails the test if either breaks the contract.
func (a *App) Do(t testing.TB, call Call) Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), call.Method, a.URL+call.Path, strings.NewReader(call.Body))
	require.NoError(t, err)
	if call.Body != "" || call.Type != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if call.Type != "" {
		request.Header.Set("Content-Type", call.Type)
	}
	if call.Token != "" {
		request.Header.Set("Authorization", "Bearer "+call.Token)
	}
	for name, value := range call.Header {
		request.Header.Set(name, value)
	}
	received, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer received.Body.Close()
	body, err := io.ReadAll(received.Body)
	require.NoError(t, err)
	response := Response{Status: received.StatusCode, Header: received.Header, Body: string(body)}
	TheContract().check(t, call, request, response)
	return response
}

// Get sends GET with an access token, or without one if token is empty.
func (a *App) Get(t testing.TB, path, token string) Response {
	t.Helper()
	return a.Do(t, Call{Method: http.MethodGet, Path: path, Token: token})
}

// Post sends a JSON body without credentials.
func (a *App) Post(t testing.TB, path, body string) Response {
	t.Helper()
	return a.Do(t, Call{Method: http.MethodPost, Path: path, Body: body})
}

// Field returns the string, number, list or object at a dotted path of the body, such as "user.email" or "errors.0.code".
func (r Response) Field(t testing.TB, path string) any {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(r.Body), &value), "%s", r.Body)
	for name := range strings.SplitSeq(path, ".") {
		switch container := value.(type) {
		case map[string]any:
			require.Contains(t, container, name, "%s", r.Body)
			value = container[name]
		case []any:
			var index int
			require.NoError(t, json.Unmarshal([]byte(name), &index))
			require.Less(t, index, len(container), "%s", r.Body)
			value = container[index]
		default:
			require.Failf(t, "no such field", "%s in %s", path, r.Body)
		}
	}
	return value
}

// Text returns a [Response.Field] that is a string.
func (r Response) Text(t testing.TB, path string) string {
	t.Helper()
	text, ok := r.Field(t, path).(string)
	require.True(t, ok, "%s in %s", path, r.Body)
	return text
}

// Password is a password that the policy accepts.
const Password = "plum tree by the gate"

// Tokens are a session's pair, as a client keeps them.
type Tokens struct {
	Access  string
	Refresh string
}

// Tokens returns the tokens in the response.
func (r Response) Tokens(t testing.TB) Tokens {
	t.Helper()
	return Tokens{Access: r.Text(t, "access_token"), Refresh: r.Text(t, "refresh_token")}
}

// Signup creates an account with [Password], and returns an access token.
func (a *App) Signup(t testing.TB, email string) string {
	t.Helper()
	response := a.Post(t, "/api/v1/signup", `{"email":"`+email+`","password":"`+Password+`"}`)
	require.Equal(t, http.StatusCreated, response.Status, "%s", response.Body)
	return response.Text(t, "access_token")
}

// Login opens another session of an account that Signup created, and returns its tokens.
func (a *App) Login(t testing.TB, email string) Tokens {
	t.Helper()
	response := a.Post(t, "/api/v1/login", `{"email":"`+email+`","password":"`+Password+`"}`)
	require.Equal(t, http.StatusOK, response.Status, "%s", response.Body)
	return response.Tokens(t)
}

// Refresh sends a refresh token, and returns the response.
func (a *App) Refresh(t testing.TB, token string) Response {
	t.Helper()
	return a.Post(t, "/api/v1/token/refresh", `{"refresh_token":"`+token+`"}`)
}
