package tokens_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/tokens"
)

func TestAccessTokens_Verify_AcceptsIssuedTokensInOneSpelling(t *testing.T) {
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			access := newAccessTokens(t, algorithm)
			rapid.Check(t, func(t *rapid.T) {
				given := tokens.Claims{
					Subject:   rapid.StringN(1, 50, -1).Draw(t, "subject"),
					SessionID: rapid.String().Draw(t, "session"),
				}
				issued, err := access.Issue(given)
				require.NoError(t, err)
				claims, err := access.Verify(issued.Token)
				require.NoError(t, err)
				require.Equal(t, given.Subject, claims.Subject)
				require.Equal(t, given.SessionID, claims.SessionID)

				changed := []byte(issued.Token)
				at := rapid.IntRange(0, len(changed)-1).Draw(t, "at")
				changed[at] ^= rapid.ByteRange(1, 255).Draw(t, "difference")
				_, err = access.Verify(string(changed))
				require.ErrorIs(t, err, tokens.ErrTokenInvalid)
			})
		})
	}
}

func TestAccessTokens_Verify_RefusesEveryChangedBit(t *testing.T) {
	for _, algorithm := range algorithms {
		access := newAccessTokens(t, algorithm)
		issued, err := access.Issue(tokens.Claims{Subject: "ann"})
		require.NoError(t, err)
		for bit := range len(issued.Token) * 8 {
			changed := []byte(issued.Token)
			changed[bit/8] ^= 1 << (bit % 8)
			_, err := access.Verify(string(changed))
			require.ErrorIs(t, err, tokens.ErrTokenInvalid, "%s, bit %d", algorithm, bit)
		}
	}
}

func TestAccessTokens_Issue_SetsWhatTheServiceDecides(t *testing.T) {
	access := newAccessTokens(t, tokens.ES256)
	issued, err := access.Issue(tokens.Claims{
		Subject: "ann", SessionID: "s1", Issuer: "https://evil.example", Audience: tokens.Audience{"all"},
		ExpiresAt: 4102444800, IssuedAt: 1, NotBefore: 1, ID: "mine",
	})
	require.NoError(t, err)
	require.Equal(t, 5*time.Minute, issued.ExpiresIn)
	claims, err := access.Verify(issued.Token)
	require.NoError(t, err)

	id, err := uuid.Parse(claims.ID)
	require.NoError(t, err)
	require.EqualValues(t, 7, id.Version())
	claims.ID = ""
	require.Equal(t, tokens.Claims{
		Issuer: issuer, Subject: "ann", Audience: tokens.Audience{audience}, SessionID: "s1",
		IssuedAt: 1772366400, NotBefore: 1772366400, ExpiresAt: 1772366700,
	}, claims)
	require.Equal(t, noon, claims.IssuedAt.Time())
}

// Another JWT library must accept our tokens.
func TestAccessTokens_Issue_MakesStandardJWTs(t *testing.T) {
	for _, algorithm := range algorithms {
		key := fixtureKeys()[algorithm]
		issued, err := newAccessTokens(t, algorithm).Issue(tokens.Claims{Subject: "ann"})
		require.NoError(t, err)
		parsed, err := jwt.Parse(issued.Token, func(*jwt.Token) (any, error) { return key.public, nil },
			jwt.WithValidMethods([]string{string(algorithm)}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(func() time.Time { return noon }))
		require.NoError(t, err)
		require.Equal(t, map[string]any{"alg": string(algorithm), "kid": key.ID(), "typ": "at+jwt"}, parsed.Header)
		claims := parsed.Claims.(jwt.MapClaims)
		require.Equal(t, audience, claims["aud"])
		require.NotContains(t, claims, "sid")
	}
}

func TestAccessTokens_Issue_RefusesWhatVerifyWould(t *testing.T) {
	keys := func() tokens.KeySet { return must(tokens.NewKeySet(fixtureKeys()[tokens.EdDSA].Key)) }
	now := func() time.Time { return noon }
	noIssuer, noAudience, negative := options, options, options
	noIssuer.Issuer, noAudience.Audience, negative.Lifetime = "", "", -time.Hour
	for name, access := range map[string]*tokens.AccessTokens{
		"no issuer":         tokens.NewAccessTokens(keys, noIssuer, now),
		"no audience":       tokens.NewAccessTokens(keys, noAudience, now),
		"negative lifetime": tokens.NewAccessTokens(keys, negative, now),
		"no keys":           tokens.NewAccessTokens(func() tokens.KeySet { return tokens.KeySet{} }, options, now),
	} {
		_, err := access.Issue(tokens.Claims{Subject: "ann"})
		require.Error(t, err, name)
		require.NotErrorIs(t, err, tokens.ErrTokenInvalid, name)
		require.NotErrorIs(t, err, tokens.ErrTokenExpired, name)
	}
	_, err := newAccessTokens(t, tokens.ES256).Issue(tokens.Claims{})
	require.ErrorContains(t, err, "sub")
	_, err = newAccessTokens(t, tokens.ES256).Issue(tokens.Claims{Subject: "\xff"})
	require.Error(t, err)
}

func TestAccessTokens_Verify_ReturnsExpiredOnlyIfAllElseIsRight(t *testing.T) {
	access := newAccessTokens(t, tokens.ES256)
	old := goodClaims().with("iat", "1000000000", "nbf", "1000000000")
	for name, exp := range map[string]string{
		"long ago": "1000000300", "at the end of the leeway": "1772366370", "a second into 1970": "1",
		"with a fraction": "1772366370.9",
	} {
		for _, key := range fixtureKeys() {
			_, err := access.Verify(key.sign(goodHeader(key).String(), old.with("exp", exp).String()))
			require.ErrorIs(t, err, tokens.ErrTokenExpired, "%s, %s", name, key)
			require.NotErrorIs(t, err, tokens.ErrTokenInvalid)
		}
	}
}

func TestAccessTokens_Verify_AcceptsForLifetimeAndLeeway(t *testing.T) {
	now := noon.Add(700 * time.Millisecond)
	keys := must(tokens.NewKeySet(fixtureKeys()[tokens.EdDSA].Key))
	access := tokens.NewAccessTokens(func() tokens.KeySet { return keys }, options, func() time.Time { return now })
	issued, err := access.Issue(tokens.Claims{Subject: "ann"})
	require.NoError(t, err)
	for _, moment := range []struct {
		after time.Duration
		want  error
	}{
		{-31 * time.Second, tokens.ErrTokenInvalid},
		{-30 * time.Second, nil},
		{0, nil},
		{5*time.Minute + 30*time.Second - time.Nanosecond, nil},
		{5*time.Minute + 30*time.Second, tokens.ErrTokenExpired},
		{24 * time.Hour, tokens.ErrTokenExpired},
	} {
		now = noon.Add(moment.after)
		_, err := access.Verify(issued.Token)
		require.ErrorIs(t, err, moment.want, "after %v", moment.after)
	}
}

func TestAccessTokens_Verify_AcceptsWhatTheStandardsAllow(t *testing.T) {
	access := newAccessTokens(t, tokens.ES256)
	key := fixtureKeys()[tokens.ES256]
	header, claims := goodHeader(key), goodClaims()
	for name, token := range map[string]string{
		"as issued":              key.sign(header.String(), claims.String()),
		"typ in capitals":        key.sign(header.with("typ", `"AT+JWT"`).String(), claims.String()),
		"typ in full":            key.sign(header.with("typ", `"application/at+jwt"`).String(), claims.String()),
		"typ in full, mixed":     key.sign(header.with("typ", `"Application/AT+JWT"`).String(), claims.String()),
		"an unknown header":      key.sign(header.with("x", `{"y":[1,null]}`).String(), claims.String()),
		"an escaped header name": key.sign(strings.Replace(header.String(), `"alg"`, `"\u0061lg"`, 1), claims.String()),
		"white space in JSON":    key.sign(" {\n"+header.String()[1:]+"\t", "\r\n"+claims.String()+" "),
		"an unknown claim":       key.sign(header.String(), claims.with("roles", `["admin"]`).String()),
		"several audiences":      key.sign(header.String(), claims.with("aud", `["other",`+quote(audience)+`]`).String()),
		"one audience in array":  key.sign(header.String(), claims.with("aud", `[`+quote(audience)+`]`).String()),
		"no nbf":                 key.sign(header.String(), claims.with("nbf", "").String()),
		"fractional exp":         key.sign(header.String(), claims.with("exp", "1772366700.75").String()),
		"exponent in exp":        key.sign(header.String(), claims.with("exp", "1.7723667e9").String()),
		"the last year of exp":   key.sign(header.String(), claims.with("exp", "253402300799").String()),
		"iat within the leeway":  key.sign(header.String(), claims.with("iat", "1772366430").String()),
		"nbf within the leeway":  key.sign(header.String(), claims.with("nbf", "1772366430").String()),
		"exp within the leeway":  key.sign(header.String(), claims.with("exp", "1772366371").String()),
	} {
		_, err := access.Verify(token)
		require.NoError(t, err, name)
	}
	for _, key := range fixtureKeys() {
		_, err := access.Verify(key.sign(goodHeader(key).String(), claims.String()))
		require.NoError(t, err, key)
	}
}

func TestAccessTokens_Issue_JitterOnlyShortens(t *testing.T) {
	jittery := options
	jittery.Lifetime, jittery.Jitter = time.Hour, 0.05
	keys := must(tokens.NewKeySet(fixtureKeys()[tokens.HS256].Key))
	access := tokens.NewAccessTokens(func() tokens.KeySet { return keys }, jittery, func() time.Time { return noon })
	seen := map[time.Duration]bool{}
	for range 200 {
		issued, err := access.Issue(tokens.Claims{Subject: "ann"})
		require.NoError(t, err)
		require.LessOrEqual(t, issued.ExpiresIn, time.Hour)
		require.GreaterOrEqual(t, issued.ExpiresIn, 57*time.Minute)
		require.Zero(t, issued.ExpiresIn%time.Second)
		claims, err := access.Verify(issued.Token)
		require.NoError(t, err)
		require.Equal(t, noon.Add(issued.ExpiresIn), claims.ExpiresAt.Time())
		seen[issued.ExpiresIn] = true
	}
	require.Greater(t, len(seen), 10)
}

func TestAccessTokens_Verify_FollowsKeyRotation(t *testing.T) {
	before, after := fixtureKeys()[tokens.RS256].Key, fixtureKeys()[tokens.EdDSA].Key
	keys := must(tokens.NewKeySet(before))
	access := tokens.NewAccessTokens(func() tokens.KeySet { return keys }, options, func() time.Time { return noon })
	issued, err := access.Issue(tokens.Claims{Subject: "ann"})
	require.NoError(t, err)

	keys = must(tokens.NewKeySet(after, before.Public()))
	_, err = access.Verify(issued.Token)
	require.NoError(t, err)

	keys = must(tokens.NewKeySet(after))
	_, err = access.Verify(issued.Token)
	require.ErrorIs(t, err, tokens.ErrTokenInvalid)
}

// Refusing a token for its length or number of parts must not take memory in proportion to its length.
func TestAccessTokens_Verify_RefusesLongTokensWithoutAllocating(t *testing.T) {
	access := newAccessTokens(t, tokens.ES256)
	codec := must(tokens.NewCodec("lkr_", exampleSecret))
	for _, length := range []int{8 << 10, 60_000, 1 << 20} {
		dots, letters := strings.Repeat(".", length), "lkr_"+strings.Repeat("A", length)
		require.Less(t, bytesPerRun(func() { _, _ = access.Verify(dots) }), uint64(2048), "%d dots", length)
		require.Less(t, bytesPerRun(func() { _, _ = codec.Decode(letters) }), uint64(2048), "%d letters", length)
	}
}

func bytesPerRun(run func()) uint64 {
	const runs = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		run()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

func FuzzAccessTokens_Verify(f *testing.F) {
	access := newAccessTokens(f, tokens.ES256)
	signed := map[string]bool{}
	for _, key := range fixtureKeys() {
		token := key.sign(goodHeader(key).String(), goodClaims().String())
		signed[token] = true
		f.Add(token)
	}
	for _, attack := range allAttacks() {
		f.Add(attack.token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := access.Verify(token)
		if err == nil {
			require.True(t, signed[token], "accepted a token that nobody signed")
			return
		}
		require.ErrorIs(t, err, tokens.ErrTokenInvalid)
		require.Zero(t, claims)
	})
}

// FuzzAccessTokens_Verify_Signed tests what follows the signature check, which FuzzAccessTokens_Verify hardly ever passes.
func FuzzAccessTokens_Verify_Signed(f *testing.F) {
	access := newAccessTokens(f, tokens.HS256)
	key := fixtureKeys()[tokens.HS256]
	f.Add(`"typ":"at+jwt"`, goodClaims().String())
	f.Add(`"typ":"at+jwt","crit":[]`, goodClaims().with("aud", "[]").String())
	f.Add(`"typ":"JWT","x":{"y":1}`, goodClaims().with("exp", "1e9").String())
	f.Fuzz(func(t *testing.T, members, text string) {
		header := fmt.Sprintf(`{"alg":"HS256","kid":%q,%s}`, key.ID(), members)
		claims, err := access.Verify(key.sign(header, text))
		if err != nil {
			require.Zero(t, claims)
			return
		}
		require.Equal(t, issuer, claims.Issuer)
		require.Contains(t, claims.Audience, audience)
		require.NotContains(t, claims.Audience, "")
		require.NotEmpty(t, claims.Subject)
		require.NotEmpty(t, claims.ID)
		require.True(t, claims.ExpiresAt.Time().After(noon.Add(-options.Leeway)))
		require.False(t, claims.NotBefore.Time().After(noon.Add(options.Leeway)))
		_, err = jwt.NewParser(jwt.WithoutClaimsValidation()).Parse(key.sign(header, text),
			func(*jwt.Token) (any, error) { return key.public, nil })
		require.NoError(t, err, "golang-jwt reads it differently")
	})
}

func BenchmarkAccessTokens_Verify(b *testing.B) {
	for _, algorithm := range algorithms {
		b.Run(string(algorithm), func(b *testing.B) {
			access := newAccessTokens(b, algorithm)
			issued, err := access.Issue(tokens.Claims{Subject: "0199a5c2-7f00-7abc-8def-0123456789ab"})
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := access.Verify(issued.Token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAccessTokens_Issue(b *testing.B) {
	for _, algorithm := range algorithms {
		b.Run(string(algorithm), func(b *testing.B) {
			access := newAccessTokens(b, algorithm)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := access.Issue(tokens.Claims{Subject: "0199a5c2-7f00-7abc-8def-0123456789ab"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAccessTokens_Verify_60KBOfDots(b *testing.B) {
	access := newAccessTokens(b, tokens.ES256)
	dots := strings.Repeat(".", 60_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := access.Verify(dots); err == nil {
			b.Fatal("accepted")
		}
	}
}

func TestAccessTokens_Verify_TellsOfTokensThatOurKeySignedForAnother(t *testing.T) {
	t.Parallel()
	var told []string
	watched := options
	watched.OtherIssuer = func(issuer string) { told = append(told, issuer) }
	elsewhere := options
	elsewhere.Issuer = "http://localhost:8081"
	key := fixtureKeys()[tokens.ES256].Key
	ours := tokens.NewAccessTokens(func() tokens.KeySet { return must(tokens.NewKeySet(key)) }, watched, func() time.Time { return noon })
	theirs := tokens.NewAccessTokens(func() tokens.KeySet { return must(tokens.NewKeySet(key)) }, elsewhere, func() time.Time { return noon })
	strangers := tokens.NewAccessTokens(
		func() tokens.KeySet { return must(tokens.NewKeySet(strangerKeys()[tokens.ES256].Key)) }, elsewhere, func() time.Time { return noon })
	for _, issuing := range []*tokens.AccessTokens{ours, theirs, strangers} {
		issued, err := issuing.Issue(tokens.Claims{Subject: "ann"})
		require.NoError(t, err)
		_, err = ours.Verify(issued.Token)
		require.Equal(t, issuing == ours, err == nil)
	}
	require.Equal(t, []string{"http://localhost:8081"}, told, "a stranger's key proves no issuer")
}
