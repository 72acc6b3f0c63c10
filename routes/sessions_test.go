package routes_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/testkit"
)

// eachLogin runs a test with Ann, who has signed up, and two of her sessions.
func eachLogin(t *testing.T, run func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens)) {
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, "ann@example.com")
		run(t, app, app.Login(t, "ann@example.com"), app.Login(t, "ann@example.com"))
	})
}

func requireCode(t *testing.T, status int, code string, answer testkit.Response) {
	t.Helper()
	require.Equal(t, status, answer.Status, "%s", answer.Body)
	require.Equal(t, code, answer.Text(t, "code"))
}

func logOut(t *testing.T, app *testkit.App, token, body string) testkit.Response {
	t.Helper()
	return app.Do(t, testkit.Call{Method: http.MethodPost, Path: logout, Token: token, Body: body})
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	decoded, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(decoded, &claims))
	return claims
}

func TestRefresh_ReturnsANewPairAndTheCurrentUser(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, _ testkit.Tokens) {
		require.NoError(t, app.DB.Model(&models.User{}).Where("TRUE").Update("is_staff", true).Error)
		app.Clock.Advance(time.Hour)
		answer := app.Refresh(t, phone.Refresh)
		require.Equal(t, 200, answer.Status, "%s", answer.Body)
		next := answer.Tokens(t)
		require.NotEqual(t, phone.Refresh, next.Refresh)
		require.EqualValues(t, 30*24*3600, answer.Field(t, "refresh_expires_in"))
		require.Equal(t, true, answer.Field(t, "user.is_staff"))
		claims := claimsOf(t, next.Access)
		require.Equal(t, []any{"staff"}, claims["roles"])
		require.Equal(t, claimsOf(t, phone.Access)["sid"], claims["sid"])
		require.Equal(t, 200, app.Get(t, profile, next.Access).Status)
		require.Equal(t, next.Refresh, app.Refresh(t, phone.Refresh).Tokens(t).Refresh, "a retry gets the same child")
	})
}

func TestRefresh_RefusesAnInactiveUser(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, _ testkit.Tokens) {
		require.NoError(t, app.DB.Model(&models.User{}).Where("TRUE").Update("is_active", false).Error)
		requireCode(t, 401, "account_inactive", app.Refresh(t, phone.Refresh))
	})
}

func TestRefresh_ReuseEndsOnlyItsSession(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		second := app.Refresh(t, phone.Refresh).Tokens(t)
		third := app.Refresh(t, second.Refresh).Tokens(t)
		requireCode(t, 401, "refresh_token_reused", app.Refresh(t, phone.Refresh))
		requireCode(t, 401, "session_revoked", app.Refresh(t, third.Refresh))
		requireCode(t, 401, "session_revoked", app.Get(t, profile, third.Access))
		require.JSONEq(t, `{"active":false}`, app.Post(t, verify, `{"token":"`+third.Access+`"}`).Body)
		require.Equal(t, 200, app.Refresh(t, laptop.Refresh).Status)
	})
}

func TestSessions_ExpireIfUnused(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		app.Clock.Advance(29 * 24 * time.Hour)
		kept := app.Refresh(t, laptop.Refresh).Tokens(t)
		app.Clock.Advance(24 * time.Hour)
		requireCode(t, 401, "session_expired", app.Refresh(t, phone.Refresh))
		require.Equal(t, 200, app.Refresh(t, kept.Refresh).Status)
	})
}

func TestLogout_ByAccessToken(t *testing.T) {
	t.Parallel()
	for scope, ended := range map[string][2]bool{
		"": {true, false}, `{}`: {true, false}, `{"scope":"local"}`: {true, false},
		`{"scope":"others"}`: {false, true}, `{"scope":"global"}`: {true, true},
	} {
		eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
			app.Signup(t, "bob@example.com")
			bob := app.Login(t, "bob@example.com")
			require.Equal(t, 204, logOut(t, app, phone.Access, scope).Status)
			for i, tokens := range []testkit.Tokens{phone, laptop} {
				if ended[i] {
					requireCode(t, 401, "session_revoked", app.Get(t, profile, tokens.Access))
					requireCode(t, 401, "session_revoked", app.Refresh(t, tokens.Refresh))
					continue
				}
				require.Equal(t, 200, app.Get(t, profile, tokens.Access).Status, scope)
			}
			require.Equal(t, 200, app.Get(t, profile, bob.Access).Status)
		})
	}
}

func TestLogout_ByRefreshTokenAfterTheAccessTokenExpired(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		app.Clock.Advance(time.Hour)
		requireCode(t, 401, "token_expired", logOut(t, app, phone.Access, ""))
		require.Equal(t, 204, logOut(t, app, phone.Access, `{"refresh_token":"`+phone.Refresh+`"}`).Status)
		requireCode(t, 401, "session_revoked", app.Refresh(t, phone.Refresh))
		require.Equal(t, 204, logOut(t, app, "", `{"refresh_token":"`+phone.Refresh+`"}`).Status, "it is logged out")
		for _, scope := range []string{"others", "global"} { // which an ended session can't ask for
			requireCode(t, 401, "session_revoked", logOut(t, app, "", `{"refresh_token":"`+phone.Refresh+`","scope":"`+scope+`"}`))
		}
		require.Equal(t, 200, app.Refresh(t, laptop.Refresh).Status)
	})
}

func TestLogout_RefusesUnknownScopesAndMissingCredentials(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, _ testkit.Tokens) {
		requireCode(t, 401, "credentials_missing", logOut(t, app, "", ""))
		refused := logOut(t, app, phone.Access, `{"scope":"everything"}`)
		requireCode(t, 400, "validation_error", refused)
		require.Equal(t, "scope", refused.Text(t, "errors.0.field"))
		require.Equal(t, 200, app.Get(t, profile, phone.Access).Status)
	})
}

func TestSessions_List(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, "bob@example.com")
		app.Signup(t, "ann@example.com")
		app.Clock.Advance(time.Minute)
		phone := app.Do(t, testkit.Call{Method: http.MethodPost, Path: login,
			Body:   `{"email":"ann@example.com","password":"` + testkit.Password + `","client_name":"Ann's phone"}`,
			Header: map[string]string{"User-Agent": "app/1.0"}}).Tokens(t)
		list := app.Get(t, sessions, phone.Access)
		require.Equal(t, 200, list.Status)
		require.Len(t, list.Field(t, "sessions"), 2)
		require.Equal(t, true, list.Field(t, "sessions.0.current"))
		require.Equal(t, "Ann's phone", list.Text(t, "sessions.0.client_name"))
		require.Equal(t, "app/1.0", list.Text(t, "sessions.0.user_agent"))
		require.Equal(t, "127.0.0.1", list.Text(t, "sessions.0.ip"))
		require.Equal(t, "password", list.Text(t, "sessions.0.auth_method"))
		require.Equal(t, false, list.Field(t, "sessions.1.current"))
		testkit.RequireNoToken(t, list.Body)
	})
}

func TestSessions_ListInPages(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		ann, bob := app.Signup(t, "ann@example.com"), app.Signup(t, "bob@example.com")
		for range 4 {
			app.Clock.Advance(500 * time.Millisecond)
			app.Login(t, "ann@example.com")
		}
		var all, paged []any
		listed := app.Get(t, sessions, ann)
		require.Nil(t, listed.Field(t, "next_cursor"))
		for i := range 5 {
			all = append(all, listed.Field(t, fmt.Sprintf("sessions.%d.id", i)))
		}
		path := sessions + "?limit=2"
		for range 3 {
			page := app.Get(t, path, ann)
			require.Equal(t, 200, page.Status, page.Body)
			for _, session := range page.Field(t, "sessions").([]any) {
				paged = append(paged, session.(map[string]any)["id"])
			}
			next, isText := page.Field(t, "next_cursor").(string)
			if !isText {
				break
			}
			requireCode(t, 400, "validation_error", app.Get(t, sessions+"?cursor="+next, bob))
			path = sessions + "?limit=2&cursor=" + next
		}
		require.Equal(t, all, paged)
		for _, wrong := range []string{"limit=0", "limit=201", "cursor=lkp_x", "limit=1&limit=2"} {
			requireCode(t, 400, "validation_error", app.Get(t, sessions+"?"+wrong, ann))
		}
	})
}

func TestSessions_AreEndedOnlyByTheirOwner(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		app.Signup(t, "bob@example.com")
		bob := app.Login(t, "bob@example.com")
		end := func(tokens testkit.Tokens, id any) testkit.Response {
			return app.Do(t, testkit.Call{Method: http.MethodDelete, Path: sessions + "/" + id.(string), Token: tokens.Access})
		}
		laptopID := claimsOf(t, laptop.Access)["sid"]
		for _, id := range []any{laptopID, "01a209b2-a927-7971-b7f5-d896b1c68b21", "x", "%2e%2e", "' OR 1=1"} {
			path, _ := strings.CutPrefix(id.(string), "' OR 1=1")
			if path == "" {
				path = "%27%20OR%201=1"
			}
			requireCode(t, 404, "session_not_found", end(bob, path))
		}
		require.Equal(t, 200, app.Get(t, profile, laptop.Access).Status)
		require.Equal(t, 204, end(phone, laptopID).Status)
		requireCode(t, 401, "session_revoked", app.Get(t, profile, laptop.Access))
		require.Equal(t, 204, end(phone, laptopID).Status, "it has ended, which is what was asked for")
		requireCode(t, 404, "session_not_found", end(bob, laptopID))
		require.Equal(t, 200, app.Get(t, profile, phone.Access).Status)
	})
}

func TestPasswordChange_EndsTheOtherSessions(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		const next = "pear tree by the gate"
		change := func(current, wanted string) testkit.Response {
			return app.Do(t, testkit.Call{Method: http.MethodPost, Path: "/api/v1/password/change", Token: phone.Access,
				Body: `{"current_password":"` + current + `","new_password":"` + wanted + `"}`})
		}
		wrong := change("plum tree", next)
		requireCode(t, 400, "validation_error", wrong)
		require.Equal(t, "incorrect", wrong.Text(t, "errors.0.code"))
		require.Equal(t, "new_password", change(testkit.Password, "short").Text(t, "errors.0.field"))
		require.Equal(t, 200, app.Get(t, profile, laptop.Access).Status, "a refused change ends nothing")
		require.Equal(t, 204, change(testkit.Password, next).Status)
		require.Equal(t, 200, app.Get(t, profile, phone.Access).Status)
		require.Equal(t, 200, app.Refresh(t, phone.Refresh).Status)
		requireCode(t, 401, "session_revoked", app.Get(t, profile, laptop.Access))
		requireCode(t, 401, "invalid_credentials", app.Post(t, login, `{"email":"ann@example.com","password":"`+testkit.Password+`"}`))
		require.Equal(t, 200, app.Post(t, login, `{"email":"ann@example.com","password":"`+next+`"}`).Status)
		require.NotContains(t, app.Log.String(), next)
	})
}

// However a token reaches the service, it is never logged.
func TestLog_HasNoTokens(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		next := app.Refresh(t, phone.Refresh).Tokens(t)
		app.Refresh(t, app.Refresh(t, next.Refresh).Tokens(t).Refresh)
		app.Refresh(t, phone.Refresh) // reuse
		app.Do(t, testkit.Call{Method: http.MethodGet, Path: profile + "?access_token=" + laptop.Access, Token: laptop.Access,
			OffContract: true})
		app.Get(t, "/"+laptop.Access, "")
		app.Post(t, verify, `{"token":"`+laptop.Access+`"}`)
		app.Post(t, verify, `{"`+laptop.Access+`":"`+laptop.Refresh+`"}`)
		logOut(t, app, laptop.Access, `{"refresh_token":"`+laptop.Refresh+`"}`)
		log := app.Log.String()
		require.NotEmpty(t, log)
		testkit.RequireNoToken(t, log)
	})
}

func TestWellKnown_PublishedKeysVerifyTheTokens(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, _ testkit.Tokens) {
		discovery := app.Get(t, "/.well-known/openid-configuration", "")
		require.Equal(t, "http://localhost:8080", discovery.Text(t, "issuer"))
		require.Equal(t, "http://localhost:8080/.well-known/jwks.json", discovery.Text(t, "jwks_uri"))
		published := app.Get(t, "/.well-known/jwks.json", "")
		require.Equal(t, 200, published.Status)
		require.Contains(t, published.Header.Get("Cache-Control"), "max-age=300")
		header, err := base64.RawURLEncoding.DecodeString(strings.Split(phone.Access, ".")[0])
		require.NoError(t, err)
		var named struct{ Kid string }
		require.NoError(t, json.Unmarshal(header, &named))
		require.Equal(t, named.Kid, published.Text(t, "keys.0.kid"))
		require.Len(t, published.Field(t, "keys"), 2, "the active and the next one")
		require.NotContains(t, published.Body, `"d"`)
	})
}
