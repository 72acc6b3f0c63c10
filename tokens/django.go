package tokens

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// DjangoTokens verifies the HS256 tokens that a Django project issued before it moved to Latchkey, with SimpleJWT or
// djangorestframework-jwt.
type DjangoTokens struct {
	options DjangoTokenOptions
	key     Key
	now     func() time.Time
}

// DjangoTokenOptions describes the tokens of a Django project. SecretKey is its SECRET_KEY. Issuer and Audience are the
// ones it was configured with, or empty. From Until on every token is refused.
type DjangoTokenOptions struct {
	SecretKey []byte
	Issuer    string
	Audience  string
	Until     time.Time
}

// NewDjangoTokens returns a verifier, or ErrWeakKey if the key has fewer than 32 bytes.
func NewDjangoTokens(options DjangoTokenOptions, now func() time.Time) (*DjangoTokens, error) {
	key, err := NewHMACKey(options.SecretKey)
	if err != nil {
		return nil, err
	}
	return &DjangoTokens{options: options, key: key, now: now}, nil
}

// Until returns the moment from which on every token is refused.
func (d *DjangoTokens) Until() time.Time { return d.options.Until }

// DjangoToken is the content of a verified token. UserID is the user's primary key in Django: a decimal number or a UUID.
// ID is unique among the tokens of a user. Renewable is set for an access token of djangorestframework-jwt that can be
// exchanged for a new one.
type DjangoToken struct {
	UserID    string
	ID        string
	Renewable bool
}

// djangoClaims is the payload of both libraries. That of djangorestframework-jwt has no token_type and always a username.
type djangoClaims struct {
	Type      string         `json:"token_type"`
	ExpiresAt NumericDate    `json:"exp"`
	NotBefore NumericDate    `json:"nbf"`
	IssuedAt  NumericDate    `json:"iat"`
	Original  NumericDate    `json:"orig_iat"`
	ID        string         `json:"jti"`
	UserID    jsontext.Value `json:"user_id"`
	Username  *string        `json:"username"`
	Audience  jsontext.Value `json:"aud"`
	Issuer    jsontext.Value `json:"iss"`
}

// VerifyAccess returns the content of an access token of either library. It fails with ErrTokenExpired if the token's age is
// the only thing wrong with it, and with ErrTokenInvalid in every other case.
func (d *DjangoTokens) VerifyAccess(token string) (DjangoToken, error) {
	return d.verify(token, "access", "")
}

// VerifyRefresh does the same as VerifyAccess for a refresh token of SimpleJWT.
func (d *DjangoTokens) VerifyRefresh(token string) (DjangoToken, error) {
	return d.verify(token, "refresh")
}

func (d *DjangoTokens) verify(token string, types ...string) (DjangoToken, error) {
	_, payload, err := verifyJWS(token, func(kid string) (Key, bool) { return d.key, kid == "" })
	if err != nil {
		return DjangoToken{}, err
	}
	var claims djangoClaims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return DjangoToken{}, invalid("claims are not a JSON object of distinct, well-typed members")
	}
	userID, err := djangoUserID(claims.UserID)
	if err != nil {
		return DjangoToken{}, err
	}
	if err := d.check(claims, types); err != nil {
		return DjangoToken{}, err
	}
	verified := DjangoToken{UserID: userID, ID: claims.ID, Renewable: claims.Type == "" && claims.Original != 0}
	if verified.ID == "" { // older versions of djangorestframework-jwt set no jti; the signature is as unique
		verified.ID = token[strings.LastIndexByte(token, '.')+1:]
	}
	return verified, nil
}

// check returns what is wrong with the claims at this moment. Expiry comes last, so that ErrTokenExpired means that nothing
// else is wrong.
func (d *DjangoTokens) check(claims djangoClaims, types []string) error {
	now := d.now()
	if !slices.Contains(types, claims.Type) {
		return invalid("token_type is not " + strings.Join(types, " or "))
	}
	switch {
	case claims.Type == "" && claims.Username == nil:
		return invalid("neither token_type nor username is present")
	case claims.Type != "" && claims.ID == "":
		return invalid("jti is missing")
	case !isExactly(claims.Issuer, d.options.Issuer), !isAmong(claims.Audience, d.options.Audience):
		return invalid("aud or iss is not the configured one")
	case claims.NotBefore.Time().After(now), claims.IssuedAt.Time().After(now):
		return invalid("nbf or iat is in the future")
	case claims.ExpiresAt == 0:
		return invalid("exp is missing")
	case !now.Before(d.options.Until):
		return invalid("Django's tokens are no longer accepted")
	case !claims.ExpiresAt.Time().After(now):
		return ErrTokenExpired
	}
	return nil
}

// isExactly reports whether a claim is the wanted string. If wanted is empty, the claim must be absent.
func isExactly(claim jsontext.Value, wanted string) bool {
	if wanted == "" {
		return len(claim) == 0
	}
	var text string
	return json.Unmarshal(claim, &text) == nil && text == wanted
}

// isAmong does the same as isExactly for a claim that can also be a list (RFC 7519, section 4.1.3).
func isAmong(claim jsontext.Value, wanted string) bool {
	if claim.Kind() != '[' || wanted == "" {
		return isExactly(claim, wanted)
	}
	var list []string
	return json.Unmarshal(claim, &list) == nil && slices.Contains(list, wanted)
}

// djangoUserID returns the text of a whole number, of a string that holds one, or of a UUID. It accepts only the canonical
// spelling of a number.
func djangoUserID(value jsontext.Value) (string, error) {
	text := string(value)
	if value.Kind() == '"' {
		if err := json.Unmarshal(value, &text); err != nil {
			return "", invalid("user_id is neither an integer nor a UUID")
		}
	}
	if number, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(number, 10) == text {
		return text, nil
	}
	if id, err := uuid.Parse(text); err == nil && id.String() == strings.ToLower(text) && value.Kind() == '"' {
		return id.String(), nil
	}
	return "", invalid("user_id is neither an integer nor a UUID")
}
