package routes_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/testkit"
)

// caller is one kind of caller of a protected route, and the response that they have to get.
type caller struct {
	name      string
	prepare   func(t *testing.T, app *testkit.App, token string) string
	status    int
	code      string
	challenge string
}

func callers() []caller {
	const invalid = `Bearer realm="latchkey", error="invalid_token", error_description="The access token is invalid"`
	update := func(column string, value any) func(*testing.T, *testkit.App, string) string {
		return func(t *testing.T, app *testkit.App, token string) string {
			require.NoError(t, app.DB.Model(&models.User{}).Where("TRUE").Update(column, value).Error)
			return token
		}
	}
	return []caller{
		{name: "anonymous", prepare: func(*testing.T, *testkit.App, string) string { return "" },
			status: 401, code: "credentials_missing", challenge: `Bearer realm="latchkey"`},
		{name: "expired", prepare: func(_ *testing.T, app *testkit.App, token string) string {
			app.Clock.Advance(time.Hour)
			return token
		}, status: 401, code: "token_expired",
			challenge: `Bearer realm="latchkey", error="invalid_token", error_description="The access token expired"`},
		{name: "wrong type", prepare: func(_ *testing.T, _ *testkit.App, token string) string {
			return forge(token, `{"alg":"HS256","typ":"JWT"}`, []byte(testkit.SecretKey))
		}, status: 401, code: "token_invalid", challenge: invalid},
		{name: "wrong key", prepare: func(_ *testing.T, _ *testkit.App, token string) string {
			header, _, _ := strings.Cut(token, ".")
			decoded, _ := base64.RawURLEncoding.DecodeString(header)
			return forge(token, string(decoded), []byte("some other key of sufficient length, really"))
		}, status: 401, code: "token_invalid", challenge: invalid},
		{name: "inactive", prepare: update("is_active", false), status: 401, code: "account_inactive",
			challenge: `Bearer realm="latchkey", error="invalid_token", error_description="The account is inactive"`},
		{name: "deleted", prepare: func(t *testing.T, app *testkit.App, token string) string {
			require.NoError(t, app.DB.Where("TRUE").Delete(&models.User{}).Error)
			return token
		}, status: 401, code: "account_inactive",
			challenge: `Bearer realm="latchkey", error="invalid_token", error_description="The account is inactive"`},
		{name: "logged out", prepare: func(t *testing.T, app *testkit.App, token string) string {
			require.Equal(t, 204, app.Do(t, testkit.Call{Method: http.MethodPost, Path: logout, Token: token}).Status)
			return token
		}, status: 401, code: "session_revoked",
			challenge: `Bearer realm="latchkey", error="invalid_token", error_description="The session was ended"`},
		{name: "user", prepare: func(_ *testing.T, _ *testkit.App, token string) string { return token }},
		{name: "staff", prepare: update("is_staff", true)},
		{name: "superuser", prepare: update("is_superuser", true)},
	}
}

// forge signs the claims of a token again under another header and key.
func forge(token, header string, key []byte) string {
	claims := strings.Split(token, ".")[1]
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + claims
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Every route that is not open refuses every caller who is not allowed, before it reads the request, and lets the others pass:
// they get neither 401 nor 403.
func TestProtectedRoutes_ByCaller(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		for _, route := range golden {
			if slices.Contains(open, route) {
				continue
			}
			method, path, _ := strings.Cut(route, " ")
			for _, as := range callers() {
				t.Run(route+" as "+as.name, func(t *testing.T) {
					require.NoError(t, app.DB.Where("TRUE").Delete(&models.User{}).Error)
					token := as.prepare(t, app, app.Signup(t, "ann@example.com"))
					answer := app.Do(t, testkit.Call{Method: method, Path: path, Token: token})
					if path == logout && as.name == "logged out" {
						require.Equal(t, 204, answer.Status, "logging out twice is logging out")
						return
					}
					if as.status == 0 {
						require.NotContains(t, []int{401, 403, 405, 500}, answer.Status, "%s", answer.Body)
						return
					}
					require.Equal(t, as.status, answer.Status, "%s", answer.Body)
					require.Equal(t, as.code, answer.Text(t, "code"))
					require.Equal(t, as.challenge, answer.Header.Get("WWW-Authenticate"))
				})
			}
		}
	})
}

func TestAuthorizationHeader(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		token := app.Signup(t, "ann@example.com")
		for header, want := range map[string]string{
			"Bearer " + token:                        "",
			"bearer " + token:                        "",
			"BEARER   " + token:                      "",
			"Bearer":                                 "credentials_missing",
			"Bearer ":                                "credentials_missing",
			"Basic YW5uOnB3":                         "credentials_missing",
			token:                                    "credentials_missing",
			"Bearer " + token + " x":                 "token_invalid",
			"Bearer " + token + ",":                  "token_invalid",
			"Bearer x":                               "token_invalid",
			"Bearer " + strings.Repeat(".", 60_000):  "token_invalid",
			"Bearer " + strings.Repeat("a", 100_000): "token_invalid",
		} {
			answer := app.Do(t, testkit.Call{Method: http.MethodGet, Path: profile, Header: map[string]string{"Authorization": header}})
			if want == "" {
				require.Equal(t, 200, answer.Status, "%.40s: %s", header, answer.Body)
				continue
			}
			require.Equal(t, 401, answer.Status, "%.40s", header)
			require.Equal(t, want, answer.Text(t, "code"), "%.40s", header)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app.URL+profile, nil)
		require.NoError(t, err)
		request.Header["Authorization"] = []string{"Bearer " + token, "Bearer " + token}
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, 401, answer.StatusCode, "two headers are ambiguous")
	})
}

func TestAuthorizationHeader_SchemeIsASetting(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		token := app.Signup(t, "ann@example.com")
		as := func(scheme string) testkit.Response {
			return app.Do(t, testkit.Call{Method: http.MethodGet, Path: profile,
				Header: map[string]string{"Authorization": scheme + " " + token}, OffContract: true})
		}
		require.Equal(t, 200, as("JWT").Status)
		require.Equal(t, 200, as("jwt").Status)
		refused := as("Bearer")
		require.Equal(t, "credentials_missing", refused.Text(t, "code"))
		require.Equal(t, `JWT realm="latchkey"`, refused.Header.Get("WWW-Authenticate"))
	}, "JWT_AUTH_HEADER_PREFIX=JWT")
}

func TestTokenVerify_ReturnsTheClaimsOfActiveTokensOnly(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		token := app.Signup(t, "ann@example.com")
		verified := func() testkit.Response { return app.Post(t, verify, `{"token":"`+token+`"}`) }
		answer := verified()
		require.Equal(t, true, answer.Field(t, "active"))
		require.Equal(t, "http://localhost:8080", answer.Text(t, "iss"))
		require.Equal(t, users(t, app)[0].ID.String(), answer.Text(t, "sub"))
		require.EqualValues(t, app.Clock.Now().Add(5*time.Minute).Unix(), answer.Field(t, "exp"))
		require.NoError(t, app.DB.Model(&models.User{}).Where("TRUE").Update("is_active", false).Error)
		require.JSONEq(t, `{"active":false}`, verified().Body)
		require.NoError(t, app.DB.Model(&models.User{}).Where("TRUE").Update("is_active", true).Error)
		app.Clock.Advance(time.Hour)
		require.JSONEq(t, `{"active":false}`, verified().Body)
	})
}
