package tokens_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/tokens"
)

const djangoKey = "django-insecure-r0^7=u*x4t)kz3vy8s1m(q9w&e2d5h6j#a-n$b_c"

func djangoTokens(t testing.TB, library tokens.DjangoLibrary) *tokens.DjangoTokens {
	t.Helper()
	django, err := tokens.NewDjangoTokens(tokens.DjangoTokenOptions{
		Library: library, SecretKey: []byte(djangoKey), Until: noon.Add(30 * 24 * time.Hour),
	}, func() time.Time { return noon })
	require.NoError(t, err)
	return django
}

func djangoSigned(key, header, payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode([]byte(payload))
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}

const djangoHeader = `{"alg":"HS256","typ":"JWT"}`

func djangoToken(payload string, args ...any) string {
	return djangoSigned(djangoKey, djangoHeader, fmt.Sprintf(payload, args...))
}

var soon = noon.Add(time.Hour).Unix()

// What the libraries issue: SimpleJWT 5 and 4, and djangorestframework-jwt 1.11 and its fork.
func TestDjangoTokens_AcceptsWhatTheLibrariesIssue(t *testing.T) {
	t.Parallel()
	simple, drf := djangoTokens(t, tokens.SimpleJWT), djangoTokens(t, tokens.DRFJWT)
	first := time.Unix(1, 0).UTC()
	for _, c := range []struct {
		payload string
		verify  func(string) (tokens.DjangoToken, error)
		want    tokens.DjangoToken
	}{
		{`{"token_type":"access","exp":%d,"iat":1,"jti":"a1","user_id":7}`, simple.VerifyAccess,
			tokens.DjangoToken{UserID: "7", ID: "a1", IssuedAt: first}},
		{`{"token_type":"access","exp":%d,"jti":"a1","user_id":"7"}`, simple.VerifyAccess, tokens.DjangoToken{UserID: "7", ID: "a1"}},
		{`{"token_type":"refresh","exp":%d,"iat":1,"jti":"r1","user_id":"8C5A2F3E-9a51-4a3e-8f0d-6f6c4f1b2a10","extra":[1]}`,
			simple.VerifyRefresh, tokens.DjangoToken{UserID: "8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10", ID: "r1", IssuedAt: first}},
		{`{"user_id":7,"username":"ann","exp":%d,"email":"ann@example.com","orig_iat":1}`, drf.VerifyAccess,
			tokens.DjangoToken{UserID: "7", IssuedAt: first, Renewable: true}},
		{`{"user_id":7,"username":"ann","exp":%d,"email":"ann@example.com"}`, drf.VerifyAccess, tokens.DjangoToken{UserID: "7"}},
		{`{"user_id":7,"username":"ann","exp":%d,"jti":"d1","iat":9,"orig_iat":1}`, drf.VerifyAccess,
			tokens.DjangoToken{UserID: "7", ID: "d1", IssuedAt: first, Renewable: true}},
	} {
		token := djangoToken(c.payload, soon)
		verified, err := c.verify(token)
		require.NoError(t, err, c.payload)
		if c.want.ID == "" {
			c.want.ID = token[strings.LastIndex(token, ".")+1:]
		}
		require.Equal(t, c.want, verified)
	}
}

// Projects sign other things with the same key. A token that does not say, by its type or by the form that its library gives it,
// that it is for access gives none.
func TestDjangoTokens_RefusesWhatIsSignedForAnotherPurpose(t *testing.T) {
	t.Parallel()
	simple, drf := djangoTokens(t, tokens.SimpleJWT), djangoTokens(t, tokens.DRFJWT)
	for payload, accepted := range map[string]struct{ simple, drf bool }{
		`"username":"ann"`:                                              {},
		`"username":"ann","email":"ann@example.com"`:                    {drf: true},
		`"username":"ann","email":"ann@example.com","action":"forget"`:  {},
		`"username":"ann","jti":"u1"`:                                   {drf: true},
		`"username":"ann","jti":"u1","purpose":"unsubscribe"`:           {},
		`"username":"ann","email":"ann@example.com","nbf":1`:            {},
		`"email":"ann@example.com"`:                                     {},
		`"jti":"u1"`:                                                    {},
		`"token_type":"access"`:                                         {},
		`"token_type":"access","jti":"a1"`:                              {simple: true},
		`"token_type":"verify","jti":"a1"`:                              {},
		`"token_type":"access","jti":"a1","username":"a","email":"a@b"`: {simple: true},
	} {
		token := djangoToken(`{"user_id":7,"exp":%d,`+payload+`}`, soon)
		_, err := simple.VerifyAccess(token)
		require.Equal(t, accepted.simple, err == nil, "SimpleJWT: %s", payload)
		_, err = drf.VerifyAccess(token)
		require.Equal(t, accepted.drf, err == nil, "djangorestframework-jwt: %s", payload)
		for _, library := range []*tokens.DjangoTokens{simple, drf} {
			_, err = library.VerifyRefresh(token)
			require.ErrorIs(t, err, tokens.ErrTokenInvalid, payload)
		}
	}
}

func TestDjangoTokens_RefusesEveryAttack(t *testing.T) {
	django := djangoTokens(t, tokens.SimpleJWT)
	good := fmt.Sprintf(`{"token_type":"access","exp":%d,"iat":1,"jti":"a1","user_id":7}`, soon)
	with := func(old, new string) string { return djangoToken("%s", strings.Replace(good, old, new, 1)) }
	valid := djangoToken("%s", good)
	parts := strings.Split(valid, ".")
	for name, c := range map[string]struct{ token, reason string }{
		"nothing":               {"", notParts},
		"two parts":             {parts[0] + "." + parts[1], notParts},
		"no signature":          {parts[0] + "." + parts[1] + ".", "signature does not match"},
		"another key":           {djangoSigned("another key of sufficient length, really", djangoHeader, good), "signature does not match"},
		"another payload":       {parts[0] + "." + strings.Split(with("7", "8"), ".")[1] + "." + parts[2], "signature does not match"},
		"alg none":              {djangoSigned(djangoKey, `{"alg":"none","typ":"JWT"}`, good), otherAlg},
		"alg HS512":             {djangoSigned(djangoKey, `{"alg":"HS512","typ":"JWT"}`, good), otherAlg},
		"alg RS256":             {djangoSigned(djangoKey, `{"alg":"RS256","typ":"JWT"}`, good), otherAlg},
		"alg in lower case":     {djangoSigned(djangoKey, `{"alg":"hs256"}`, good), otherAlg},
		"no alg":                {djangoSigned(djangoKey, `{"typ":"JWT"}`, good), otherAlg},
		"alg twice":             {djangoSigned(djangoKey, `{"alg":"none","alg":"HS256"}`, good), badHeader},
		"a kid":                 {djangoSigned(djangoKey, `{"alg":"HS256","kid":"x"}`, good), unknownKey},
		"a key of its own":      {djangoSigned(djangoKey, `{"alg":"HS256","jwk":{}}`, good), unsupported},
		"crit":                  {djangoSigned(djangoKey, `{"alg":"HS256","crit":["exp"]}`, good), unsupported},
		"padded":                {valid + "=", notBase64},
		"with a line end":       {valid + "\n", notBase64},
		"no exp":                {with(fmt.Sprintf(`"exp":%d,`, soon), ""), "exp is missing"},
		"exp null":              {with(fmt.Sprint(soon), "null"), "well-typed"},
		"exp a string":          {with(fmt.Sprint(soon), `"`+fmt.Sprint(soon)+`"`), "well-typed"},
		"exp zero":              {with(fmt.Sprint(soon), "0"), "exp is missing"},
		"exp beyond all time":   {with(fmt.Sprint(soon), "1e300"), "well-typed"},
		"exp twice":             {with(`"iat":1`, `"exp":1`), "distinct"},
		"issued in the future":  {with(`"iat":1`, fmt.Sprintf(`"iat":%d`, soon)), "in the future"},
		"not yet valid":         {with(`"iat":1`, fmt.Sprintf(`"nbf":%d`, soon)), "in the future"},
		"a refresh token":       {with("access", "refresh"), `token_type is not "access"`},
		"a sliding token":       {with("access", "sliding"), `token_type is not "access"`},
		"no type, no username":  {with(`"token_type":"access",`, ""), `token_type is not "access"`},
		"an empty type":         {with("access", ""), `token_type is not "access"`},
		"no jti":                {with(`"jti":"a1",`, ""), "jti is missing"},
		"an audience":           {with(`"iat":1`, `"aud":"x"`), "aud or iss"},
		"an issuer":             {with(`"iat":1`, `"iss":"x"`), "aud or iss"},
		"no user":               {with(`,"user_id":7`, ""), "user_id is neither"},
		"user null":             {with(`"user_id":7`, `"user_id":null`), "user_id is neither"},
		"user true":             {with(`"user_id":7`, `"user_id":true`), "user_id is neither"},
		"user an array":         {with(`"user_id":7`, `"user_id":[7]`), "user_id is neither"},
		"user a fraction":       {with(`"user_id":7`, `"user_id":7.0`), "user_id is neither"},
		"user with a plus":      {with(`"user_id":7`, `"user_id":"+7"`), "user_id is neither"},
		"user too large":        {with(`"user_id":7`, `"user_id":99999999999999999999`), "user_id is neither"},
		"user an odd UUID":      {with(`"user_id":7`, `"user_id":"{8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10}"`), "user_id is neither"},
		"user an SQL statement": {with(`"user_id":7`, `"user_id":"7 OR 1=1"`), "user_id is neither"},
		"user twice":            {with(`"iat":1`, `"user_id":8`), "distinct"},
		"claims an array":       {djangoToken("[%s]", good), "well-typed"},
		"claims null":           {djangoToken("null"), "user_id is neither"},
		"expired, of no user":   {djangoToken(`{"token_type":"access","exp":1,"jti":"a1"}`), "user_id is neither"},
		"9 KiB":                 {valid + strings.Repeat("A", 9<<10), "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			verified, err := django.VerifyAccess(c.token)
			require.ErrorIs(t, err, tokens.ErrTokenInvalid)
			require.NotErrorIs(t, err, tokens.ErrTokenExpired)
			require.ErrorContains(t, err, c.reason)
			require.Zero(t, verified)
		})
	}
	_, err := django.VerifyRefresh(valid)
	require.ErrorIs(t, err, tokens.ErrTokenInvalid, "an access token is not a refresh token")
	drf := djangoToken(`{"user_id":7,"username":"ann","exp":%d}`, soon)
	_, err = django.VerifyRefresh(drf)
	require.ErrorIs(t, err, tokens.ErrTokenInvalid, "and neither is one of djangorestframework-jwt")
	_, err = newAccessTokens(t, tokens.ES256).Verify(valid)
	require.ErrorIs(t, err, tokens.ErrTokenInvalid, "nor is it one of ours")
}

func TestDjangoTokens_Expire(t *testing.T) {
	now := noon
	django, err := tokens.NewDjangoTokens(
		tokens.DjangoTokenOptions{SecretKey: []byte(djangoKey), Until: noon.Add(2 * time.Hour)}, func() time.Time { return now })
	require.NoError(t, err)
	verify := func(token string) error {
		_, err := django.VerifyAccess(token)
		return err
	}
	short := djangoToken(`{"token_type":"access","exp":%d,"jti":"a1","user_id":7}`, noon.Add(time.Hour).Unix())
	long := djangoToken(`{"token_type":"access","exp":%d,"jti":"a2","user_id":7}`, noon.Add(9*time.Hour).Unix())
	require.NoError(t, verify(short))
	now = noon.Add(time.Hour)
	require.ErrorIs(t, verify(short), tokens.ErrTokenExpired)
	require.NoError(t, verify(long))
	now = noon.Add(2 * time.Hour)
	require.ErrorContains(t, verify(long), "no longer accepted")
	require.ErrorIs(t, verify(long), tokens.ErrTokenInvalid)
	_, err = tokens.NewDjangoTokens(tokens.DjangoTokenOptions{SecretKey: []byte("too short"), Until: noon}, nil)
	require.ErrorIs(t, err, tokens.ErrWeakKey)
}

// Nothing that is not signed with the key is ever accepted.
func FuzzDjangoTokens(f *testing.F) {
	django := djangoTokens(f, tokens.SimpleJWT)
	f.Add(djangoHeader, `{"token_type":"access","exp":99999999999,"jti":"a","user_id":7}`)
	f.Add(`{"alg":"none"}`, `{"user_id":7}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		_, err := django.VerifyAccess(djangoSigned("another key of sufficient length, really", header, payload))
		require.Error(t, err)
		verified, err := django.VerifyAccess(djangoSigned(djangoKey, header, payload))
		require.Equal(t, err == nil, verified.UserID != "" && verified.ID != "")
	})
}

// A project that was told an issuer or an audience put them into every token, and takes no other.
func TestDjangoTokens_RequiresIssuerAndAudience(t *testing.T) {
	django, err := tokens.NewDjangoTokens(tokens.DjangoTokenOptions{
		SecretKey: []byte(djangoKey), Until: noon.Add(time.Hour), Issuer: "shop", Audience: "phones",
	}, func() time.Time { return noon })
	require.NoError(t, err)
	for claims, isGood := range map[string]bool{
		`"iss":"shop","aud":"phones"`:            true,
		`"iss":"shop","aud":["desks","phones"]`:  true,
		`"iss":"shop","aud":[]`:                  false,
		`"iss":"shop","aud":["phones",1]`:        false,
		`"iss":"shop","aud":null`:                false,
		`"iss":"shop"`:                           false,
		`"aud":"phones"`:                         false,
		`"iss":"SHOP","aud":"phones"`:            false,
		`"iss":["shop"],"aud":"phones"`:          false,
		`"iss":"shop","aud":"phones and others"`: false,
	} {
		_, err := django.VerifyAccess(djangoToken(`{"token_type":"access","exp":%d,"jti":"a1","user_id":7,`+claims+`}`, soon))
		if isGood {
			require.NoError(t, err, claims)
			continue
		}
		require.ErrorIs(t, err, tokens.ErrTokenInvalid, claims)
	}
}
