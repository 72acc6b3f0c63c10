package tokens

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// accessTokenType is the `typ` of access tokens (RFC 9068, section 2.1): no other JWT of ours passes for one.
const accessTokenType = "at+jwt"

// AccessTokenOptions is what all access tokens of a service have in common.
type AccessTokenOptions struct {
	Issuer   string        // iss, compared exactly
	Audience string        // aud, one of which has to be this
	Lifetime time.Duration // from issue to expiry, in whole seconds
	Leeway   time.Duration // by how much clocks may differ, for exp, nbf and iat
	Jitter   float64       // at most this share of each lifetime is cut off at random: 0.05 is 5 %, 0 none
}

// AccessTokens issues and verifies the JWTs that a client presents with each request (RFC 9068).
type AccessTokens struct {
	keys    func() KeySet
	options AccessTokenOptions
	now     func() time.Time
}

// NewAccessTokens makes the issuer and verifier of access tokens. It asks for the keys each time, so that they can
// rotate under it.
func NewAccessTokens(keys func() KeySet, options AccessTokenOptions, now func() time.Time) *AccessTokens {
	return &AccessTokens{keys: keys, options: options, now: now}
}

// AccessToken is a signed access token and how long it is good for, in whole seconds.
type AccessToken struct {
	Token     string
	ExpiresIn time.Duration
}

// Issue signs a token for the claims' subject, and whatever else they say. Issuer, audience, times and id are set here,
// over what the claims held. It never answers a token that Verify would refuse.
func (a *AccessTokens) Issue(claims Claims) (AccessToken, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return AccessToken{}, fmt.Errorf("issue access token: %w", err)
	}
	now, lifetime := NumericDate(a.now().Unix()), a.lifetime()
	claims.Issuer, claims.Audience, claims.ID = a.options.Issuer, Audience{a.options.Audience}, id.String()
	claims.IssuedAt, claims.NotBefore, claims.ExpiresAt = now, now, now+NumericDate(lifetime/time.Second)
	if err := a.check(claims); err != nil {
		// Not wrapped: it is a fault of ours, not an invalid token of the client's.
		return AccessToken{}, fmt.Errorf("issue access token: %v", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return AccessToken{}, fmt.Errorf("issue access token: %w", err)
	}
	token, err := signJWS(a.keys().Signing(), accessTokenType, payload)
	if err != nil {
		return AccessToken{}, fmt.Errorf("issue access token: %w", err)
	}
	return AccessToken{Token: token, ExpiresIn: lifetime}, nil
}

func (a *AccessTokens) lifetime() time.Duration {
	cut := time.Duration(rand.Float64() * a.options.Jitter * float64(a.options.Lifetime))
	return a.options.Lifetime.Truncate(time.Second) - cut.Truncate(time.Second)
}

// Verify answers the claims of a token that we signed and that is for us, now. It answers ErrTokenExpired if its age is
// the only thing wrong, and ErrTokenInvalid for everything else.
func (a *AccessTokens) Verify(token string) (Claims, error) {
	header, payload, err := verifyJWS(token, a.keys().Lookup)
	if err != nil {
		return Claims{}, err
	}
	if !isAccessTokenType(header.Type) {
		return Claims{}, invalid("typ is not at+jwt")
	}
	var claims Claims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Claims{}, invalid("claims are not a JSON object of distinct, well-typed members")
	}
	if err := a.check(claims); err != nil {
		return Claims{}, err
	}
	return claims, nil
}

// isAccessTokenType takes both spellings of the media type (RFC 9068, section 4), in any case (RFC 7515, section
// 4.1.9).
func isAccessTokenType(name string) bool {
	return strings.EqualFold(name, accessTokenType) || strings.EqualFold(name, "application/"+accessTokenType)
}

// check says what is wrong with claims now. Expiry comes last, so that it is answered only if nothing else is wrong.
func (a *AccessTokens) check(claims Claims) error {
	now := a.now()
	earliest, latest := now.Add(-a.options.Leeway), now.Add(a.options.Leeway)
	switch {
	case claims.Issuer == "" || claims.Issuer != a.options.Issuer:
		return invalid("iss is not ours")
	case !claims.Audience.Contains(a.options.Audience):
		return invalid("aud is not ours")
	case claims.Subject == "":
		return invalid("sub is missing")
	case claims.ID == "":
		return invalid("jti is missing")
	case claims.IssuedAt == 0 || claims.IssuedAt.Time().After(latest):
		return invalid("iat is missing or in the future")
	case claims.NotBefore.Time().After(latest):
		return invalid("nbf is in the future")
	case claims.ExpiresAt == 0:
		return invalid("exp is missing")
	case !claims.ExpiresAt.Time().After(earliest):
		return ErrTokenExpired
	}
	return nil
}
