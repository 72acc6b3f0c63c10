package routes_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/testkit"
)

// djangoGolden are the routes of Django's clients, which exist only with DJANGO_COMPAT.
var djangoGolden = []string{
	"GET /user/update/",
	"OPTIONS /api-token-auth/",
	"OPTIONS /api-token-refresh/",
	"OPTIONS /api-token-verify/",
	"OPTIONS /api/token/",
	"OPTIONS /api/token/refresh/",
	"OPTIONS /api/token/verify/",
	"OPTIONS /user/create/",
	"OPTIONS /user/obtain_token/",
	"OPTIONS /user/update/",
	"PATCH /user/update/",
	"POST /api-token-auth/",
	"POST /api-token-refresh/",
	"POST /api-token-verify/",
	"POST /api/token/",
	"POST /api/token/refresh/",
	"POST /api/token/verify/",
	"POST /user/create/",
	"POST /user/obtain_token/",
	"PUT /user/update/",
}

const djangoSecret = "django-insecure-r0^7=u*x4t)kz3vy8s1m(q9w&e2d5h6j#a-n$b_c"

// eachDjangoApp runs a test on apps that serve Django's paths and accept its tokens until a month after the clock's start. They
// have these settings too.
func eachDjangoApp(t *testing.T, run func(t *testing.T, app *testkit.App), settings ...string) {
	t.Helper()
	settings = append(settings, "DJANGO_COMPAT=true", "DJANGO_SECRET_KEY="+djangoSecret, "DJANGO_TOKENS_UNTIL=2026-04-01")
	testkit.EachApp(t, run, settings...)
}

// ofDRFJWT is the setting of a project whose tokens djangorestframework-jwt issued.
const ofDRFJWT = "DJANGO_TOKENS_LIBRARY=djangorestframework-jwt"

func TestDjango_RoutesAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), "DJANGO_COMPAT=true")
	var routes []string
	for _, route := range app.Server.Engine.Routes() {
		if route.Method != http.MethodHead {
			routes = append(routes, route.Method+" "+route.Path)
		}
	}
	require.ElementsMatch(t, slices.Concat(golden, djangoGolden), routes)
}

func TestDjango_RateLimitSetsRetryAfter(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		for range 2 {
			require.Equal(t, 401, app.Post(t, "/api/token/", `{"email":"ann@example.com","password":"wrong"}`).Status)
		}
		limited := app.Post(t, "/api/token/", `{"email":"ann@example.com","password":"wrong"}`)
		require.Equal(t, 429, limited.Status)
		require.Equal(t, `{"detail":"Request was throttled. Expected available in 30 seconds."}`, limited.Body)
		require.Equal(t, "30", limited.Header.Get("Retry-After"))
	}, "DJANGO_COMPAT=true", "RATE_LIMITS=on", "RATE_LIMIT_LOGIN=2/1m")
}

// djangoCase is a request against a service where Ann, whose key in Django was 7, has logged in, and the response to it.
type djangoCase struct {
	name   string
	call   testkit.Call
	status int
	body   string // JSON; parts in <angle brackets> may be any string, <id> any number or string
}

func djangoCases(annsToken string) []djangoCase {
	good := `"email":"ann@example.com","password":"` + testkit.Password + `"`
	wrong := `"email":"ann@example.com","password":"` + secret + `"`
	profile := `{"id":7,"email":"ann@example.com","first_name":"%s","last_name":"","date_joined":"2019-04-01T08:00:00Z"}`
	form := func(path, body string) testkit.Call {
		return testkit.Call{Method: http.MethodPost, Path: path, Body: body, Type: "application/x-www-form-urlencoded"}
	}
	parts := func(email, password string) testkit.Call {
		part := "--edge\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n"
		return testkit.Call{Method: http.MethodPost, Path: "/user/create/", Type: "multipart/form-data; boundary=edge",
			Body: fmt.Sprintf(part+part+"--edge--\r\n", "email", email, "password", password)}
	}
	broken := parts("bob@example.com", secret)
	broken.Body = broken.Body[:len(broken.Body)-10]
	as := func(method, body string) testkit.Call {
		return testkit.Call{Method: method, Path: "/user/update/", Body: body, Token: annsToken}
	}
	const required = `{"email":["This field is required."],"password":["This field is required."]}`
	const token = "/api/token/"
	return []djangoCase{
		{"sign up", post("/user/create/", `{"email":"Bob@example.com","password":"`+secret+`","first_name":" Bob ","groups":[1]}`), 201,
			`{"id":"<id>","email":"bob@example.com","first_name":"Bob","last_name":"","date_joined":"<date>"}`},
		{"sign up with nothing", post("/user/create/", `{}`), 400, required},
		{"sign up without a body", post("/user/create/", ``), 400, required},
		{"sign up with blanks", post("/user/create/", `{"email":" ","password":"","first_name":null,"last_name":[]}`), 400,
			`{"email":["This field may not be blank."],"password":["This field may not be blank."],
			"first_name":["This field may not be null."],"last_name":["Not a valid string."]}`},
		{"sign up with a taken email", post("/user/create/", `{`+wrong+`}`), 400, `{"email":["user with this email already exists."]}`},
		{"sign up with a bad email", post("/user/create/", `{"email":"bob","password":"`+secret+`"}`), 400,
			`{"email":["Enter a valid email address."]}`},
		{"sign up with a long name", post("/user/create/",
			`{"email":"bob@example.com","password":"`+secret+`","last_name":"`+strings.Repeat("x", 151)+`"}`), 400,
			`{"last_name":["Ensure this field has no more than 150 characters."]}`},
		{"sign up with a list", post("/user/create/", `[]`), 400,
			`{"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}`},
		{"sign up with invalid JSON", post("/user/create/", `{`), 400,
			`{"detail":"JSON parse error - this is not one JSON value in UTF-8"}`},
		{"sign up in XML", testkit.Call{Method: "POST", Path: "/user/create/", Body: "<a/>", Type: "text/xml"}, 415,
			`{"detail":"Unsupported media type \"text/xml\" in request."}`},

		{"obtain a token", post("/user/obtain_token/", `{`+good+`}`), 200, `{"name":"Ann ","token":"<token>"}`},
		{"sign up by a multipart form", parts("carol@example.com", secret), 201,
			`{"id":"<id>","email":"carol@example.com","first_name":"","last_name":"","date_joined":"<date>"}`},
		{"sign up by a truncated multipart form", broken, 400, `{"detail":"Form parse error - this is not a form of its content type"}`},
		{"obtain a token by a form", form("/user/obtain_token/", "email=ann@example.com&password=plum+tree+by+the+gate"), 200,
			`{"name":"Ann ","token":"<token>"}`},
		{"obtain a token with a wrong password", post("/user/obtain_token/", `{`+wrong+`}`), 403,
			`{"error":"can not authenticate with the given credentials or the account has been deactivated"}`},
		{"obtain a token with nothing", post("/user/obtain_token/", `{}`), 200, `{"error":"please provide a email and a password"}`},

		{"show the user", as("GET", ""), 200, fmt.Sprintf(profile, "Ann")},
		{"show the user without a token", testkit.Call{Method: "GET", Path: "/user/update/"}, 401,
			`{"detail":"Authentication credentials were not provided."}`},
		{"show the user with an invalid token", testkit.Call{Method: "GET", Path: "/user/update/", Token: "x"}, 401,
			`{"detail":"Error decoding signature."}`},
		{"change a name", as("PATCH", `{"first_name":"Anna"}`), 200, fmt.Sprintf(profile, "Anna")},
		{"change a name under user", as("PUT", `{"user":{"first_name":"Ann","email":"Ann@example.com"}}`), 200, fmt.Sprintf(profile, "Ann")},
		{"change nothing", as("PUT", `{}`), 200, fmt.Sprintf(profile, "Ann")},
		{"change what can't be", as("PATCH", `{"email":"eve@example.com","password":"`+secret+`","is_staff":true}`), 400,
			`{"email":["This field can't be changed here."],"password":["This field can't be changed here."]}`},
		{"change to null", as("PATCH", `{"first_name":null}`), 400, `{"first_name":["This field may not be null."]}`},
		{"change without a token", testkit.Call{Method: "PATCH", Path: "/user/update/", Body: "{}"}, 401,
			`{"detail":"Authentication credentials were not provided."}`},

		{"a pair", post(token, `{`+good+`}`), 200, `{"access":"<token>","refresh":"<token>"}`},
		{"a pair by username", post(token, `{"username":"ann@example.com","password":"`+testkit.Password+`"}`), 200,
			`{"access":"<token>","refresh":"<token>"}`},
		{"a pair by another username", post(token, `{"username":"annie","password":"`+testkit.Password+`"}`), 200,
			`{"access":"<token>","refresh":"<token>"}`},
		{"a pair for an unknown username", post(token, `{"username":"eve","password":"`+testkit.Password+`"}`), 401,
			`{"detail":"No active account found with the given credentials"}`},
		{"a pair for nothing", post(token, `{}`), 400, required},
		{"a pair for a wrong password", post(token, `{`+wrong+`}`), 401,
			`{"detail":"No active account found with the given credentials"}`},
		{"refresh with nothing", post(token+"refresh/", `{}`), 400, `{"refresh":["This field is required."]}`},
		{"refresh with an invalid token", post(token+"refresh/", `{"refresh":"x"}`), 401,
			`{"detail":"Token is invalid or expired","code":"token_not_valid"}`},
		{"verify a token", post(token+"verify/", `{"token":"`+annsToken+`"}`), 200, `{}`},
		{"verify an invalid token", post(token+"verify/", `{"token":"x"}`), 401,
			`{"detail":"Token is invalid or expired","code":"token_not_valid"}`},

		{"authenticate", post("/api-token-auth/", `{`+good+`}`), 200, `{"token":"<token>"}`},
		{"authenticate with nothing", post("/api-token-auth/", `{}`), 400, required},
		{"authenticate with a wrong password", post("/api-token-auth/", `{`+wrong+`}`), 400,
			`{"non_field_errors":["Unable to log in with provided credentials."]}`},
		{"renew", post("/api-token-refresh/", `{"token":"`+annsToken+`"}`), 200, `{"token":"<token>"}`},
		{"renew an invalid token", post("/api-token-refresh/", `{"token":"x"}`), 400, `{"non_field_errors":["Error decoding signature."]}`},
		{"verify", post("/api-token-verify/", `{"token":"`+annsToken+`"}`), 200, `{"token":"` + annsToken + `"}`},
		{"verify nothing", post("/api-token-verify/", `{"token":""}`), 400, `{"token":["This field may not be blank."]}`},
	}
}

// addAnn adds Ann as an import from Django would.
func addAnn(t *testing.T, app *testkit.App) {
	t.Helper()
	app.Signup(t, "ann@example.com")
	require.NoError(t, app.DB.Where("TRUE").Delete(&models.Session{}).Error)
	joined := time.Date(2019, 4, 1, 8, 0, 0, 0, time.UTC)
	require.NoError(t, app.DB.Model(&models.User{}).Where("email = ?", "ann@example.com").
		Updates(map[string]any{"legacy_id": 7, "legacy_username": "annie", "first_name": "Ann", "date_joined": joined}).Error)
}

func TestDjango_PathsRespondAsDjangoDoes(t *testing.T) {
	t.Parallel()
	eachDjangoApp(t, func(t *testing.T, app *testkit.App) {
		addAnn(t, app)
		token := app.Post(t, "/user/obtain_token/", `{"email":"ann@example.com","password":"`+testkit.Password+`"}`).Text(t, "token")
		for _, c := range djangoCases(token) {
			t.Run(c.name, func(t *testing.T) {
				answer := app.Do(t, c.call)
				require.Equal(t, c.status, answer.Status, "%s", answer.Body)
				if c.body != "" {
					require.JSONEq(t, c.body, masked(t, answer, c.body))
				}
				require.Equal(t, "application/json; charset=utf-8", answer.Header.Get("Content-Type"))
				if c.status == http.StatusUnauthorized {
					require.Equal(t, `Bearer realm="api"`, answer.Header.Get("WWW-Authenticate"))
				}
				for _, text := range []string{secret, testkit.Password} {
					require.NotContains(t, answer.Body+app.Log.String(), text)
				}
			})
		}
	})
}

// masked returns the response's body with each string replaced for which want has a placeholder in angle brackets.
func masked(t *testing.T, answer testkit.Response, want string) string {
	t.Helper()
	body := answer.Body
	for _, field := range []string{"id", "date_joined", "token", "access", "refresh"} {
		for _, mask := range []string{"<id>", "<date>", "<token>"} {
			if strings.Contains(want, `"`+field+`":"`+mask+`"`) {
				body = strings.Replace(body, answer.Text(t, field), mask, 1)
			}
		}
	}
	return body
}

func TestDjango_TokensHaveTheClaimsOfDjango(t *testing.T) {
	t.Parallel()
	eachDjangoApp(t, func(t *testing.T, app *testkit.App) {
		addAnn(t, app)
		body := `{"email":"ann@example.com","password":"` + testkit.Password + `"}`
		for path, field := range map[string]string{
			"/user/obtain_token/": "token", "/api-token-auth/": "token", "/api/token/": "access",
		} {
			token := app.Post(t, path, body).Text(t, field)
			payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
			require.NoError(t, err)
			require.Contains(t, string(payload), `"user_id":7,"username":"annie","email":"ann@example.com"`)
			require.Equal(t, 200, app.Get(t, "/api/v1/profile", token).Status, "they open everything else as well")
		}
		bob := app.Post(t, "/user/create/", `{"email":"bob@example.com","password":"`+testkit.Password+`"}`).Text(t, "id")
		token := app.Post(t, "/api-token-auth/", strings.Replace(body, "ann", "bob", 1)).Text(t, "token")
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		require.NoError(t, err)
		require.Contains(t, string(payload), `"user_id":"`+bob+`"`)
	})
}

// Only tokens that the paths of djangorestframework-jwt issued can be exchanged for new ones without a refresh token.
func TestDjango_DoesNotRenewAccessTokensOfTheAPI(t *testing.T) {
	t.Parallel()
	eachDjangoApp(t, func(t *testing.T, app *testkit.App) {
		addAnn(t, app)
		answer := app.Post(t, "/api-token-refresh/", `{"token":"`+app.Login(t, "ann@example.com").Access+`"}`)
		require.Equal(t, 400, answer.Status)
		require.JSONEq(t, `{"non_field_errors":["orig_iat field is required."]}`, answer.Body)
	})
}

// The project's views say what djangorestframework-jwt says of a header, where a user is required and where none is.
func TestDjango_SaysWhatIsWrongWithAHeader(t *testing.T) {
	t.Parallel()
	eachDjangoApp(t, func(t *testing.T, app *testkit.App) {
		addAnn(t, app)
		const login = `{"email":"ann@example.com","password":"` + testkit.Password + `"}`
		token := app.Post(t, "/user/obtain_token/", login).Text(t, "token")
		say := func(header string) (shown, obtained testkit.Response) {
			return app.Do(t, testkit.Call{Method: "GET", Path: "/user/update/", Header: map[string]string{"Authorization": header}}),
				app.Do(t, testkit.Call{Method: "POST", Path: "/user/obtain_token/", Body: login, Header: map[string]string{"Authorization": header}})
		}
		payload := `{"user_id":7,"username":"ann","email":"ann@example.com","exp":%d,"orig_iat":1}`
		expired := djangoIssued(fmt.Sprintf(payload, app.Clock.Now().Add(-time.Hour).Unix()))
		for header, detail := range map[string]string{
			"Bearer":                  "Invalid Authorization header. No credentials provided.",
			"bearer a b":              "Invalid Authorization header. Credentials string should not contain spaces.",
			"Bearer x":                "Error decoding signature.",
			"Bearer " + expired:       "Signature has expired.",
			"Bearer " + expired + "x": "Error decoding signature.",
		} {
			shown, obtained := say(header)
			for _, answer := range []testkit.Response{shown, obtained} {
				require.Equal(t, 401, answer.Status)
				require.JSONEq(t, `{"detail":"`+detail+`"}`, answer.Body)
				require.Equal(t, `Bearer realm="api"`, answer.Header.Get("WWW-Authenticate"))
			}
		}
		shown, obtained := say("Basic eDp5")
		require.JSONEq(t, `{"detail":"Authentication credentials were not provided."}`, shown.Body)
		require.Equal(t, 200, obtained.Status)

		// Django knows no session that was ended: who still sends a token of one can log in.
		require.NoError(t, app.DB.Model(&models.Session{}).Where("TRUE").Update("ended_at", app.Clock.Now()).Error)
		shown, obtained = say("Bearer " + token)
		require.JSONEq(t, `{"detail":"Signature has expired."}`, shown.Body)
		require.Equal(t, 200, obtained.Status)
		require.NoError(t, app.DB.Where("TRUE").Delete(&models.User{}).Error)
		shown, _ = say("Bearer " + token)
		require.JSONEq(t, `{"detail":"Invalid signature."}`, shown.Body)
	}, ofDRFJWT)
}

// What Django's paths do not have is refused in the form of Django REST Framework, and beside them in the form of all others.
func TestDjango_RefusesMethodsAndPathsAsDjangoDoes(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), "DJANGO_COMPAT=true", "CORS_ALLOWED_ORIGINS=https://app.example.com")
	app.Signup(t, "ann@example.com")
	token := app.Post(t, "/user/obtain_token/", testkit.Credentials("ann@example.com")).Text(t, "token")
	do := func(method, path, token string) testkit.Response {
		return app.Do(t, testkit.Call{Method: method, Path: path, Token: token})
	}
	for _, method := range []string{"DELETE", "GET", "PUT", "LINK", "TRACE"} {
		for _, path := range []string{"/user/create/", "/user/obtain_token/", "/api/token/", "/api/token/verify/", "/api-token-auth/"} {
			answer := do(method, path, "")
			require.Equal(t, 405, answer.Status, "%s %s", method, path)
			require.Equal(t, `{"detail":"Method \"`+method+`\" not allowed."}`, answer.Body)
			require.Equal(t, "POST, OPTIONS", answer.Header.Get("Allow"))
		}
	}
	require.Equal(t, 401, do("DELETE", "/user/update/", "").Status, "before the method")
	answer := do("DELETE", "/user/update/", token)
	require.Equal(t, 405, answer.Status)
	require.Equal(t, "GET, PUT, PATCH, HEAD, OPTIONS", answer.Header.Get("Allow"))
	require.Equal(t, 200, do("HEAD", "/user/update/", token).Status)

	for _, path := range []string{"/user", "/user/", "/user/nothing/", "/api/token/nothing/", "/api-token-auth//"} {
		answer := do("POST", path, "")
		require.Equal(t, 404, answer.Status)
		require.Equal(t, `{"detail":"Not found."}`, answer.Body)
	}
	for _, path := range []string{"/users", "/api/tokens", "/api-token", "/api/v1/nothing", "/"} {
		answer := do("GET", path, "")
		require.Equal(t, 404, answer.Status, path)
		require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))
	}
	require.Equal(t, "application/problem+json", do("DELETE", "/api/v1/login", "").Header.Get("Content-Type"))

	answer = do("OPTIONS", "/api/token/", "")
	require.Equal(t, 200, answer.Status)
	require.Equal(t, "Token Obtain Pair", answer.Text(t, "name"))
	require.Equal(t, 401, do("OPTIONS", "/user/update/", "").Status)
	preflight := app.Do(t, testkit.Call{Method: "OPTIONS", Path: "/user/update/", Header: map[string]string{
		"Origin": "https://app.example.com", "Access-Control-Request-Method": "PUT",
	}})
	require.Equal(t, 204, preflight.Status)
	require.Equal(t, "https://app.example.com", preflight.Header.Get("Access-Control-Allow-Origin"))
}

// A path without its slash is redirected, as by Django's CommonMiddleware.
func TestDjango_RedirectsToTheSlash(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), "DJANGO_COMPAT=true")
	for path, location := range map[string]string{
		"/user/create": "/user/create/", "/api/token": "/api/token/", "/api-token-auth?next=%2F%2Fevil.example": "/api-token-auth/?next=%2F%2Fevil.example",
	} {
		for _, method := range []string{"GET", "POST"} {
			request, err := http.NewRequestWithContext(t.Context(), method, app.URL+path, http.NoBody)
			require.NoError(t, err)
			answer, err := http.DefaultTransport.RoundTrip(request) // which follows no redirect
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, 301, answer.StatusCode)
			require.Equal(t, location, answer.Header.Get("Location"))
		}
	}
}

func djangoIssued(payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(payload))
	mac := hmac.New(sha256.New, []byte(djangoSecret))
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}

func TestDjango_AcceptsAndExchangesTokensOfSimpleJWT(t *testing.T) {
	t.Parallel()
	eachDjangoApp(t, func(t *testing.T, app *testkit.App) {
		addAnn(t, app)
		exp := app.Clock.Now().Add(24 * time.Hour).Unix()
		access := djangoIssued(fmt.Sprintf(`{"token_type":"access","exp":%d,"jti":"a1","user_id":7}`, exp))
		refresh := djangoIssued(fmt.Sprintf(`{"token_type":"refresh","exp":%d,"jti":"r1","user_id":7}`, exp))
		link := djangoIssued(fmt.Sprintf(`{"user_id":7,"username":"ann","email":"ann@example.com","exp":%d}`, exp))
		require.Equal(t, 200, app.Get(t, "/user/update/", access).Status)
		require.Equal(t, 401, app.Get(t, "/api/v1/profile", access).Status, "not elsewhere")
		require.Equal(t, 200, app.Post(t, "/api/token/verify/", `{"token":"`+access+`"}`).Status)
		require.Equal(t, 401, app.Get(t, "/user/update/", refresh).Status)
		require.Equal(t, 401, app.Get(t, "/user/update/", link).Status, "it does not say that it is for access")
		require.Equal(t, 200, app.Post(t, "/api/token/verify/", `{"token":"`+refresh+`"}`).Status)
		require.Equal(t, 401, app.Post(t, "/api/token/refresh/", `{"refresh":"`+access+`"}`).Status)
		require.Equal(t, 400, app.Post(t, "/api-token-refresh/", `{"token":"`+access+`"}`).Status, "SimpleJWT's are not renewed")

		pair := app.Post(t, "/api/token/refresh/", `{"refresh":"`+refresh+`"}`)
		require.Equal(t, 200, pair.Status, "%s", pair.Body)
		require.Equal(t, 200, app.Get(t, "/api/v1/profile", pair.Text(t, "access")).Status)
		require.Equal(t, 200, app.Refresh(t, pair.Text(t, "refresh")).Status)
		listed := app.Get(t, "/api/v1/sessions", pair.Text(t, "access"))
		require.Equal(t, "django", listed.Text(t, "sessions.0.auth_method"))
		claims := app.Post(t, "/api/v1/token/verify", `{"token":"`+pair.Text(t, "access")+`"}`)
		require.Equal(t, float64(7), claims.Field(t, "user_id"))

		app.Clock.Advance(25 * time.Hour)
		require.Equal(t, 401, app.Get(t, "/user/update/", access).Status, "expired")
	})
}

func TestDjango_AcceptsAndRenewsTokensOfDRFJWT(t *testing.T) {
	t.Parallel()
	eachDjangoApp(t, func(t *testing.T, app *testkit.App) {
		addAnn(t, app)
		exp := app.Clock.Now().Add(24 * time.Hour).Unix()
		token := djangoIssued(fmt.Sprintf(`{"user_id":7,"username":"ann","email":"ann@example.com","exp":%d,"orig_iat":1}`, exp))
		link := djangoIssued(fmt.Sprintf(`{"user_id":7,"username":"ann","exp":%d}`, exp))
		access := djangoIssued(fmt.Sprintf(`{"token_type":"access","exp":%d,"jti":"a1","user_id":7}`, exp))
		require.Equal(t, 200, app.Get(t, "/user/update/", token).Status)
		require.Equal(t, 401, app.Get(t, "/api/v1/profile", token).Status, "not elsewhere")
		for _, other := range []string{link, access} {
			require.Equal(t, 401, app.Get(t, "/user/update/", other).Status, "not of this library")
		}
		renewed := app.Post(t, "/api-token-refresh/", `{"token":"`+token+`"}`)
		require.Equal(t, 200, renewed.Status, "%s", renewed.Body)
		require.Equal(t, 200, app.Get(t, "/api/v1/profile", renewed.Text(t, "token")).Status)

		app.Clock.Advance(25 * time.Hour)
		require.JSONEq(t, `{"non_field_errors":["Signature has expired."]}`,
			app.Post(t, "/api-token-verify/", `{"token":"`+token+`"}`).Body)
	}, ofDRFJWT)
}

func TestDjango_RefusesDjangosTokensAfterAChangeOfAccountOrPassword(t *testing.T) {
	t.Parallel()
	eachDjangoApp(t, func(t *testing.T, app *testkit.App) {
		addAnn(t, app)
		token := djangoIssued(fmt.Sprintf(`{"token_type":"access","exp":%d,"jti":"a1","user_id":7}`, app.Clock.Now().Add(time.Hour).Unix()))
		set := func(active bool) {
			require.NoError(t, app.DB.Model(&models.User{}).Where("TRUE").Update("is_active", active).Error)
		}
		set(false)
		answer := app.Get(t, "/user/update/", token)
		require.Equal(t, 401, answer.Status)
		require.JSONEq(t, `{"detail":"User account is disabled."}`, answer.Body)
		set(true)
		require.Equal(t, 200, app.Get(t, "/user/update/", token).Status)
		change := testkit.Call{Method: "POST", Path: "/api/v1/password/change", Token: app.Login(t, "ann@example.com").Access,
			Body: `{"current_password":"` + testkit.Password + `","new_password":"` + secret + ` and more"}`}
		require.Equal(t, 204, app.Do(t, change).Status)
		require.Equal(t, 401, app.Get(t, "/user/update/", token).Status)
		ghost := djangoIssued(fmt.Sprintf(`{"token_type":"access","exp":%d,"jti":"a1","user_id":8}`, app.Clock.Now().Add(time.Hour).Unix()))
		require.JSONEq(t, `{"detail":"Invalid signature."}`, app.Get(t, "/user/update/", ghost).Body)
	})
}

func TestDjango_RefusesDjangosTokensWithoutItsKey(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		app := testkit.NewApp(t, db, "DJANGO_COMPAT=true")
		addAnn(t, app)
		exp := app.Clock.Now().Add(time.Hour).Unix()
		access := djangoIssued(fmt.Sprintf(`{"token_type":"access","exp":%d,"jti":"a1","user_id":7}`, exp))
		refresh := djangoIssued(fmt.Sprintf(`{"token_type":"refresh","exp":%d,"jti":"r1","user_id":7}`, exp))
		require.Equal(t, 401, app.Get(t, "/user/update/", access).Status)
		require.Equal(t, 401, app.Post(t, "/api/token/refresh/", `{"refresh":"`+refresh+`"}`).Status)
		require.Equal(t, 401, app.Post(t, "/api/token/verify/", `{"token":"`+refresh+`"}`).Status)
		require.Equal(t, 400, app.Post(t, "/api-token-refresh/", `{"token":"`+access+`"}`).Status)
	})
}

// Logins and sign-ups at the API's path and at Django's count in the metrics. The audit log has logins, that of a sign-up too.
func TestDjango_CountsLoginsAndSignupsAtEveryPath(t *testing.T) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, "ann@example.com")
		app.Login(t, "ann@example.com")
		login := func(path, body string, status int) {
			t.Helper()
			answer := app.Do(t, testkit.Call{Method: http.MethodPost, Path: path, Body: body, OffContract: true})
			require.Equal(t, status, answer.Status, answer.Body)
		}
		login("/api/token/", testkit.Credentials("ann@example.com"), http.StatusOK)
		login("/api/token/", `{"email":"ann@example.com","password":"`+testkit.OtherPassword+`"}`, http.StatusUnauthorized)
		metrics := scrape(t, app)
		require.Contains(t, metrics, "latchkey_logins_total{outcome=\"ok\"} 2\n")
		require.Contains(t, metrics, "latchkey_logins_total{outcome=\"invalid_credentials\"} 1\n")
		require.Contains(t, metrics, `route="/api/token/",status="401"`)

		for kind, count := range map[string]int64{models.EventLoginSucceeded: 3, models.EventLoginFailed: 1} {
			var events int64
			require.NoError(t, app.DB.Model(&models.AuditEvent{}).Where("kind = ?", kind).Count(&events).Error)
			require.Equal(t, count, events, kind)
		}

		login("/user/create/", testkit.Credentials("bob@example.com"), http.StatusCreated)
		login("/user/create/", testkit.Credentials("bob@example.com"), http.StatusBadRequest)
		metrics = scrape(t, app)
		require.Contains(t, metrics, "latchkey_signups_total{outcome=\"ok\"} 2\n")
		require.Contains(t, metrics, "latchkey_signups_total{outcome=\"validation_error\"} 1\n")

		login("/user/obtain_token/", `{}`, http.StatusOK) // the status with which Django's view refuses
		refresh := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/token/refresh/", Body: `{"refresh":"x"}`, OffContract: true})
		require.Equal(t, http.StatusUnauthorized, refresh.Status)
		metrics = scrape(t, app)
		require.Contains(t, metrics, "latchkey_logins_total{outcome=\"validation_error\"} 1\n")
		require.Contains(t, metrics, "latchkey_refreshes_total{outcome=\"refresh_token_invalid\"} 1\n")

		wrongType := app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/token/refresh/",
			Body: `{"refresh":"` + app.Login(t, "ann@example.com").Access + `"}`, OffContract: true})
		require.Equal(t, http.StatusUnauthorized, wrongType.Status)
		metrics = scrape(t, app)
		require.Contains(t, metrics, "latchkey_refreshes_total{outcome=\"token_invalid\"} 1\n")
		require.NotContains(t, metrics, "internal_error")
	}, "DJANGO_COMPAT=true")
}

// An account of a social login has a hash of the empty text in Django. No door takes an empty password for it, or the password of
// a session's user.
func TestDjango_NoDoorTakesAnEmptyPassword(t *testing.T) {
	t.Parallel()
	eachDjangoApp(t, func(t *testing.T, app *testkit.App) {
		addAnn(t, app)
		access := app.Login(t, "ann@example.com").Access
		const ofNothing = "pbkdf2_sha256$1000$seasalt$XHfRVmyEZRTCcSbqGP00JKv0fRwYHK0ogjPZdSJxCXk="
		require.NoError(t, app.DB.Model(&models.User{}).Where("legacy_id = 7").Update("password", ofNothing).Error)
		const credentials = `{"email":"ann@example.com","password":""}`
		for path, status := range map[string]int{
			"/api/v1/login": 401, "/user/obtain_token/": 403, "/api/token/": 400, "/api-token-auth/": 400,
		} {
			before := app.Hasher.Hashes()
			require.Equal(t, status, app.Do(t, testkit.Call{Method: http.MethodPost, Path: path, Body: credentials}).Status, path)
			if status != http.StatusBadRequest {
				require.Equal(t, before+1, app.Hasher.Hashes(), path)
			}
		}
		for call, body := range map[string]string{
			"POST /api/v1/password/change": `{"current_password":"","new_password":"` + newPassword + `"}`,
			"POST /api/v1/email/change":    `{"current_password":"","new_email":"ann@example.org"}`,
			"DELETE /api/v1/profile":       `{"current_password":""}`,
		} {
			method, path, _ := strings.Cut(call, " ")
			answer := app.Do(t, testkit.Call{Method: method, Path: path, Body: body, Token: access})
			require.Equal(t, http.StatusBadRequest, answer.Status, call)
			require.Equal(t, "incorrect", answer.Text(t, "errors.0.code"), call)
		}
	})
}

// A token of Django's passes the admission of a login, and calls no deletion off.
func TestDjango_TokensPassTheAdmissionOfALogin(t *testing.T) {
	t.Parallel()
	eachDjangoApp(t, func(t *testing.T, app *testkit.App) {
		require.Equal(t, 201, app.Post(t, "/user/create/", testkit.Credentials("ann@example.com")).Status)
		set := func(column string, value any) {
			t.Helper()
			require.NoError(t, app.DB.Model(&models.User{}).Where("email = ?", "ann@example.com").Update(column, value).Error)
		}
		set("legacy_id", 7)
		claims := fmt.Sprintf(`"exp":%d,"jti":"t1","user_id":7}`, app.Clock.Now().Add(time.Hour).Unix())
		access, refresh := djangoIssued(`{"token_type":"access",`+claims), djangoIssued(`{"token_type":"refresh",`+claims)
		statuses := func() (int, int) {
			return app.Get(t, "/user/update/", access).Status, app.Post(t, "/api/token/refresh/", `{"refresh":"`+refresh+`"}`).Status
		}
		refused := func(why string) {
			t.Helper()
			byAccess, byRefresh := statuses()
			require.GreaterOrEqual(t, byAccess, 400, why)
			require.GreaterOrEqual(t, byRefresh, 400, why)
			require.Less(t, max(byAccess, byRefresh), 500, why)
		}
		refused("the address is not verified")
		set("email_verified_at", app.Clock.Now())
		due := app.Clock.Now().Add(time.Hour)
		set("deletion_due_at", due)
		refused("the account is to be deleted")
		var ann models.User
		require.NoError(t, app.DB.Where("legacy_id = 7").Take(&ann).Error)
		require.True(t, due.Equal(*ann.DeletionDueAt), "and still is")
		set("deletion_due_at", nil)
		byAccess, byRefresh := statuses()
		require.Equal(t, []int{200, 200}, []int{byAccess, byRefresh})
	}, "EMAIL_VERIFICATION=required")
}
