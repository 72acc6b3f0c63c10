package routes_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"latchkey/models"
	"latchkey/testkit"
)

const refreshPrefix = "lkr_"

// spoiled returns texts that resemble token, a live refresh token, and were never issued.
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

func TestRefresh_RefusesSpoiledTokensAndChangesNothing(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		stranger := testkit.NewApp(t, app.DB, "SECRET_KEY=another key of another server that knows nothing of this one",
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
				continue // a logout takes it for a missing token
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

func TestTokens_AreRefusedInTheWrongPlace(t *testing.T) {
	t.Parallel()
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

func TestRefresh_TokenOfADeletedSessionIsExpired(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		require.NoError(t, app.DB.Where("id = ?", claimsOf(t, phone.Access)["sid"]).Delete(&models.Session{}).Error)
		requireCode(t, 401, "session_expired", app.Refresh(t, phone.Refresh))
		requireCode(t, 401, "session_expired", app.Get(t, profile, phone.Access))
		require.Equal(t, 200, app.Get(t, profile, laptop.Access).Status)
	})
}

func refreshBody(token string) string { return `{"refresh_token":` + quote(token) + `}` }

// refused reports whether a response is the problem refresh_token_invalid. Unlike requireRefusal it also works in a property.
func refused(answer testkit.Response) bool {
	var problem struct{ Code string }
	return answer.Status == http.StatusUnauthorized && answer.Header.Get("Content-Type") == "application/problem+json" &&
		json.Unmarshal([]byte(answer.Body), &problem) == nil && problem.Code == "refresh_token_invalid"
}

func TestRefresh_RefusesTokensWithAFlippedBit(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, _ testkit.Tokens) {
		before := rows(t, app)
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(phone.Refresh, refreshPrefix))
		require.NoError(t, err)
		for bit := range 8 * len(raw) {
			raw[bit/8] ^= 1 << (bit % 8)
			flipped := refreshPrefix + base64.RawURLEncoding.EncodeToString(raw)
			raw[bit/8] ^= 1 << (bit % 8)
			for _, path := range []string{refresh, logout} {
				answer := app.Post(t, path, refreshBody(flipped))
				require.True(t, refused(answer), "bit %d to %s: %d %s", bit, path, answer.Status, answer.Body)
			}
		}
		require.Equal(t, before, rows(t, app))
	})
}

// garble draws a text that is made of pieces of two live tokens and is neither of them.
func garble(t *rapid.T, one, other string) string {
	at := func(token string) int { return rapid.IntRange(0, len(token)).Draw(t, "at") }
	from, to := at(one), at(other)
	insert := rapid.StringMatching(`[ \n]{1,2}|[A-Za-z0-9_.=+/-]{0,3}`).Draw(t, "insert")
	garbled := rapid.SampledFrom([]string{
		one + insert,
		insert + one,
		one[:from] + insert,
		insert + one[from:],
		one[:from] + insert + one[from:],
		one[:from] + insert + one[min(from+len(insert), len(one)):],
		one[:from] + insert + other[to:],
		one[:from] + other[from:],
		strings.Repeat(one, 1+to%4) + insert,
		strings.ToUpper(one[:from]) + one[from:],
	}).Draw(t, "garbled")
	if garbled == one || garbled == other || garbled == "" {
		t.Skip("it is a token, or empty")
	}
	return garbled
}

func TestRefresh_RefusesTextsMadeOfTokens(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		before := rows(t, app)
		rapid.Check(t, func(rt *rapid.T) {
			garbled := garble(rt, phone.Refresh, laptop.Refresh)
			for _, path := range []string{refresh, logout} {
				answer := app.Post(t, path, refreshBody(garbled))
				require.True(rt, refused(answer), "%q to %s: %d %s", garbled, path, answer.Status, answer.Body)
			}
			require.Equal(rt, before, rows(t, app))
		})
		require.Equal(t, 200, app.Refresh(t, phone.Refresh).Status)
		require.Equal(t, 200, app.Refresh(t, laptop.Refresh).Status)
	})
}

// A reused token ends its session, at whichever path it is presented, and changes no other row.
func TestRefresh_ReuseChangesOneRow(t *testing.T) {
	t.Parallel()
	for _, path := range []string{refresh, logout} {
		t.Run(path, func(t *testing.T) {
			eachLogin(t, func(t *testing.T, app *testkit.App, phone, _ testkit.Tokens) {
				app.Refresh(t, app.Refresh(t, phone.Refresh).Tokens(t).Refresh)
				want := rows(t, app)
				app.Clock.Advance(time.Minute)
				requireCode(t, 401, "refresh_token_reused", app.Post(t, path, refreshBody(phone.Refresh)))
				after := rows(t, app)
				for i := range want {
					if want[i].ID.String() == claimsOf(t, phone.Access)["sid"] {
						require.NotNil(t, after[i].EndedAt)
						want[i].EndedAt, want[i].EndReason = after[i].EndedAt, models.EndedByReuse
					}
				}
				require.Equal(t, want, after)
				again := app.Post(t, path, refreshBody(phone.Refresh))
				if path == logout {
					require.Equal(t, 204, again.Status, "the session has ended, as the client asks")
				} else {
					requireCode(t, 401, "session_revoked", again)
				}
				require.Equal(t, want, rows(t, app), "presented again, it changes nothing")
			})
		})
	}
}

func TestLogout_RefusesInvalidTokensAndEndsNothing(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, app *testkit.App, phone, laptop testkit.Tokens) {
		id := claimsOf(t, laptop.Access)["sid"]
		require.NoError(t, app.DB.Where("id = ?", id).Delete(&models.Session{}).Error)
		before := rows(t, app)
		requireCode(t, 401, "session_expired", app.Post(t, logout, refreshBody(laptop.Refresh)))
		require.JSONEq(t, `{"active":false}`, app.Post(t, verify, `{"token":"`+laptop.Access+`"}`).Body)
		requireCode(t, 401, "credentials_missing", app.Post(t, logout, refreshBody("")))
		requireCode(t, 413, "body_too_large", app.Post(t, logout, refreshBody(strings.Repeat("A", 100_000))))
		for _, value := range []string{`1`, `true`, `{}`, `["` + phone.Refresh + `"]`} {
			requireCode(t, 400, "validation_error", logOut(t, app, phone.Access, `{"refresh_token":`+value+`}`))
			requireCode(t, 400, "validation_error", logOut(t, app, phone.Access, `{"scope":`+value+`}`))
		}
		require.Equal(t, before, rows(t, app))
	})
}

// A server with a new SECRET_KEY continues the sessions of the old one as long as that is in SECRET_KEY_FALLBACKS, and refuses
// them otherwise.
func TestRefresh_AcceptsTokensOfAFallbackKey(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		const ownKey = "JWT_SECRET_KEY=one key for access tokens, whatever becomes of the other"
		const leaked = "the first key of this server which has no comma"
		const changed = "SECRET_KEY=the key that takes the place of the first one which leaked"
		old := testkit.NewApp(t, db, ownKey, "SECRET_KEY="+leaked)
		following := testkit.NewAppAt(t, db, old.Clock, ownKey, changed, "SECRET_KEY_FALLBACKS="+leaked)
		without := testkit.NewAppAt(t, db, old.Clock, ownKey, changed)
		old.Signup(t, "ann@example.com")
		held := old.Login(t, "ann@example.com")

		before := rows(t, old)
		require.True(t, refused(without.Refresh(t, held.Refresh)))
		require.True(t, refused(without.Post(t, logout, refreshBody(held.Refresh))))
		require.Equal(t, before, rows(t, old))

		child := following.Refresh(t, held.Refresh)
		require.Equal(t, 200, child.Status, "%s", child.Body)
		require.Equal(t, 200, without.Refresh(t, child.Tokens(t).Refresh).Status, "the new token is under the new key")
		require.Equal(t, 200, following.Get(t, profile, held.Access).Status)
		last := old.Login(t, "ann@example.com")
		require.Equal(t, 204, following.Post(t, logout, refreshBody(last.Refresh)).Status)
	})
}
