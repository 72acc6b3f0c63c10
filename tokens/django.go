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

// DjangoLibrary is a library that issues tokens in Django projects, as DJANGO_TOKENS_LIBRARY names it.
type DjangoLibrary string

// The libraries. SimpleJWT writes into every token what it is for. DRFJWT, in either of its lines of releases, does not.
const (
	SimpleJWT DjangoLibrary = "simplejwt"
	DRFJWT    DjangoLibrary = "djangorestframework-jwt"
)

// DjangoTokenOptions describes the tokens of a Django project. Library issued them, and SecretKey is the project's SECRET_KEY.
// Issuer and Audience are the ones it was configured with, or empty. From Until on every token is refused.
type DjangoTokenOptions struct {
	Library   DjangoLibrary
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

// DjangoToken is the content of a verified token. UserID is the user's primary key in Django: a decimal number or a UUID. ID is
// unique among the tokens of a user. IssuedAt is when the token was issued, or the first one that was renewed into it; it is
// zero if the token does not say. Renewable is set for an access token of djangorestframework-jwt that can be exchanged for a
// new one.
type DjangoToken struct {
	UserID    string
	ID        string
	IssuedAt  time.Time
	Renewable bool
}

// djangoClaims is the payload of both libraries.
type djangoClaims struct {
	Type      string         `json:"token_type"`
	ExpiresAt NumericDate    `json:"exp"`
	NotBefore NumericDate    `json:"nbf"`
	IssuedAt  NumericDate    `json:"iat"`
	Original  NumericDate    `json:"orig_iat"`
	ID        string         `json:"jti"`
	UserID    jsontext.Value `json:"user_id"`
	Username  *string        `json:"username"`
	Email     *string        `json:"email"`
	Audience  jsontext.Value `json:"aud"`
	Issuer    jsontext.Value `json:"iss"`

	Others jsontext.Value `json:",embed"` // members of other names
}

// issuedAt returns when the token was issued, or zero. Renewed tokens of djangorestframework-jwt name the first of their chain,
// which is older: what ended that one ended them too.
func (c djangoClaims) issuedAt() time.Time {
	switch {
	case c.Original != 0:
		return c.Original.Time()
	case c.IssuedAt != 0:
		return c.IssuedAt.Time()
	default:
		return time.Time{}
	}
}

// isOfDRFJWT reports whether the claims are those that djangorestframework-jwt writes, and no others: releases up to 1.11 write
// user_id, username, email and exp, its fork a jti instead of the email. Nothing in them says what the token is for, so that
// this is what tells it from another one that was signed with the same key, as in the link of an email.
func (c djangoClaims) isOfDRFJWT() bool {
	return c.Username != nil && (c.Email != nil || c.ID != "") && len(c.Others) == 0 && c.NotBefore == 0
}

// VerifyAccess returns the content of an access token. It fails with ErrTokenExpired if the token's age is
// the only thing wrong with it, and with ErrTokenInvalid in every other case.
func (d *DjangoTokens) VerifyAccess(token string) (DjangoToken, error) {
	if d.options.Library == DRFJWT {
		return d.verify(token, "")
	}
	return d.verify(token, "access")
}

// VerifyRefresh does the same as VerifyAccess for a refresh token, which djangorestframework-jwt does not issue.
func (d *DjangoTokens) VerifyRefresh(token string) (DjangoToken, error) {
	return d.verify(token, "refresh")
}

// verify returns the content of a token of this token_type; that of a token of djangorestframework-jwt is empty.
func (d *DjangoTokens) verify(token, kind string) (DjangoToken, error) {
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
	if err := d.check(claims, kind); err != nil {
		return DjangoToken{}, err
	}
	verified := DjangoToken{
		UserID: userID, ID: claims.ID, IssuedAt: claims.issuedAt(), Renewable: claims.Type == "" && claims.Original != 0,
	}
	if verified.ID == "" { // older versions of djangorestframework-jwt set no jti; the signature is as unique
		verified.ID = token[strings.LastIndexByte(token, '.')+1:]
	}
	return verified, nil
}

// check returns what is wrong with the claims at this moment. Expiry comes last, so that ErrTokenExpired means that nothing
// else is wrong.
func (d *DjangoTokens) check(claims djangoClaims, kind string) error {
	now := d.now()
	switch {
	case claims.Type != kind:
		return invalid("token_type is not " + strconv.Quote(kind))
	case kind == "" && !claims.isOfDRFJWT():
		return invalid("the claims are not those of djangorestframework-jwt")
	case kind != "" && claims.ID == "":
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
