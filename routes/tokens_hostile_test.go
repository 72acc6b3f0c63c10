package routes_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/testkit"
)

const refreshPrefix = "lkr_"

// spoiled are texts that look like token, which is a live refresh token, and that nobody was ever given.
func spoiled(t *testing.T, token, another string) map[string]string {
	t.Helper()
	bytes := func(token string) []byte {
		decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, refreshPrefix))
		require.NoError(t, err)
		return decoded
	}
	encode := func(raw []byte) string { return refreshPrefix + base64.RawURLEncoding.EncodeToString(raw) }
	spoiled := map[string]string{
		"empty":                    "",
		"a space":                  " ",
		"a prefix":                 refreshPrefix,
		"a space before":           " " + token,
		"a line break after":       token + "\n",
		"no prefix":                strings.TrimPrefix(token, refreshPrefix),
		"another prefix":           "lkd_" + strings.TrimPrefix(token, refreshPrefix),
		"a prefix in another case": "LKR_" + strings.TrimPrefix(token, refreshPrefix),
		"padded":                   token + "=",
		"one byte more":            encode(append(bytes(token), 0)),
		"twice":                    token + token,
		"ten kilobytes":            token + strings.Repeat("A", 10_000),
		"another session's id":     encode(append(bytes(another)[:16], bytes(token)[16:]...)),
		"another session's counts": encode(append(bytes(token)[:16:16], append([]byte{0, 0, 0, 2, 0, 0, 0, 0}, bytes(token)[24:]...)...)),
		"no MAC":                   encode(bytes(token)[:24]),
		"a MAC of zeros":           encode(append(bytes(token)[:24:24], make([]byte, 32)...)),
		"SQL":                      "' OR 1=1 --",
		"a path":                   "../../etc/passwd",
		"not ASCII":                token[:len(token)-1] + "é",
	}
	for i := range bytes(token) {
		flipped := bytes(token)
		flipped[i] ^= 1 << (i % 8)
		spoiled["flipped in byte "+string(rune('0'+i/10))+string(rune('0'+i%10))] = encode(flipped)
	}
	for i := 1; i < len(token); i++ {
		spoiled["cut after "+token[:i]] = token[:i]
	}
	return spoiled
}

func rows(t *testing.T, app *testkit.App) []models.Session {
	t.Helper()
	var all []models.Session
	require.NoError(t, app.DB.Order("id").Find(&all).Error)
	return all
}

func TestSpoiledRefreshTokensAreRefusedAndChangeNothing(t *testing.T) {
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		stranger := testkit.NewApp(t, app.DB, "SECRET_KEY=another key, of another server, that knows nothing of this one",
			"JWT_SECRET_KEY=so that it makes no key in the same database")
		foreign := stranger.Login(t, "ann@example.com")
		before := rows(t, app)
		tokens := spoiled(t, phone.Refresh, laptop.Refresh)
		tokens["another server's"] = foreign.Refresh
		tokens["an access token"] = phone.Access
		for name, token := range tokens {
			body := `{"refresh_token":` + quote(token) + `}`
			requireRefusal(t, name, app.Post(t, refresh, body))
			if token == "" {
				continue // to a logout it means none, not a bad one
			}
			requireRefusal(t, name, app.Post(t, logout, body))
		}
		require.Equal(t, before, rows(t, app))
		require.Equal(t, 200, app.Refresh(t, phone.Refresh).Status)
	})
}

func quote(text string) string {
	return `"` + strings.NewReplacer("\n", `\n`, `"`, `\"`).Replace(text) + `"`
}

func requireRefusal(t *testing.T, name string, answer testkit.Response) {
	t.Helper()
	require.Equal(t, 401, answer.Status, "%s: %s", name, answer.Body)
	require.Equal(t, "refresh_token_invalid", answer.Text(t, "code"), name)
	require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"), name)
}

func TestTokensInTheWrongPlace(t *testing.T) {
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, _ testkit.Tokens) {
		before := rows(t, app)
		requireCode(t, 401, "token_invalid", app.Get(t, profile, phone.Refresh))
		requireCode(t, 401, "token_invalid", logOut(t, app, phone.Refresh, ""))
		require.JSONEq(t, `{"active":false}`, app.Post(t, verify, `{"token":"`+phone.Refresh+`"}`).Body)
		for _, body := range []string{
			`{"refresh_token":["` + phone.Refresh + `"]}`, `{"refresh_token":1}`, `{"refresh_token":null}`, `{}`,
			`{"refresh_token":"` + phone.Refresh + `","x":1}`, `{"Refresh_Token":"` + phone.Refresh + `"}`,
		} {
			requireCode(t, 400, "validation_error", app.Post(t, refresh, body))
		}
		requireCode(t, 413, "body_too_large", app.Refresh(t, strings.Repeat("A", 100_000)))
		require.Equal(t, before, rows(t, app))
		requireCode(t, 405, "method_not_allowed", app.Do(t, testkit.Call{Method: http.MethodGet, Path: refresh + "?refresh_token=" + phone.Refresh}))
	})
}

func TestTheTokenOfADeletedSessionIsExpired(t *testing.T) {
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		require.NoError(t, app.DB.Where("id = ?", claimsOf(t, phone.Access)["sid"]).Delete(&models.Session{}).Error)
		requireCode(t, 401, "session_expired", app.Refresh(t, phone.Refresh))
		requireCode(t, 401, "session_expired", app.Get(t, profile, phone.Access))
		require.Equal(t, 200, app.Get(t, profile, laptop.Access).Status)
	})
}
