package tokens

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// accessTokenType is the `typ` of access tokens (RFC 9068, section 2.1), which keeps other JWTs of ours from passing for one.
const accessTokenType = "at+jwt"

// AccessTokenOptions configures AccessTokens.
type AccessTokenOptions struct {
	Issuer   string        // iss, compared exactly
	Audience string        // the value that aud must contain
	Lifetime time.Duration // from issue to expiry, in whole seconds
	Leeway   time.Duration // the clock difference tolerated in exp, nbf and iat
	Jitter   float64       // the largest fraction by which a lifetime is shortened at random: 0.05 is 5 %, 0 disables it

	// OtherIssuer is called with the issuer of each token that one of our keys signed in another's name. It may be nil.
	OtherIssuer func(issuer string)
}

// AccessTokens issues and verifies the JWTs that a client presents with each request (RFC 9068).
type AccessTokens struct {
	keys    func() KeySet
	options AccessTokenOptions
	now     func() time.Time
}

// NewAccessTokens returns an issuer and verifier of access tokens. It calls keys for every token, so that the keys can
// rotate while it is in use.
func NewAccessTokens(keys func() KeySet, options AccessTokenOptions, now func() time.Time) *AccessTokens {
	return &AccessTokens{keys: keys, options: options, now: now}
}

// AccessToken is a signed access token and its remaining lifetime, in whole seconds.
type AccessToken struct {
	Token     string
	ExpiresIn time.Duration
}

// Issue signs an access token with the given claims, of which Subject is required. It sets the issuer, audience, times and
// ID itself, whatever claims holds. It fails rather than return a token that Verify would refuse.
func (a *AccessTokens) Issue(claims Claims) (AccessToken, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return AccessToken{}, fmt.Errorf("issue access token: %w", err)
	}
	now, lifetime := NumericDate(a.now().Unix()), a.lifetime()
	claims.Issuer, claims.Audience, claims.ID = a.options.Issuer, Audience{a.options.Audience}, id.String()
	claims.IssuedAt, claims.NotBefore, claims.ExpiresAt = now, now, now+NumericDate(lifetime/time.Second)
	if err := a.check(claims); err != nil {
		// Not wrapped: this is a bug of ours, not a client's invalid token.
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

// Verify returns the claims of a token that one of our keys signed, for our audience, and that is valid now. It fails with
// ErrTokenExpired if the token's age is the only thing wrong with it, and with ErrTokenInvalid in every other case.
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
	if tell := a.options.OtherIssuer; tell != nil && claims.Issuer != a.options.Issuer {
		tell(claims.Issuer)
	}
	if err := a.check(claims); err != nil {
		return Claims{}, err
	}
	return claims, nil
}

// isAccessTokenType accepts both spellings of the media type (RFC 9068, section 4), in upper or lower case (RFC 7515,
// section 4.1.9).
func isAccessTokenType(name string) bool {
	return strings.EqualFold(name, accessTokenType) || strings.EqualFold(name, "application/"+accessTokenType)
}

// check returns what is wrong with the claims at this moment. Expiry comes last, so that ErrTokenExpired means that nothing
// else is wrong.
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
