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

// DjangoTokens verifies the HS256 tokens that a Django project issued before it moved here: those of SimpleJWT and of
// djangorestframework-jwt.
type DjangoTokens struct {
	options DjangoTokenOptions
	key     Key
	now     func() time.Time
}

// DjangoTokenOptions are what Django signed its tokens with: its SECRET_KEY, and the issuer and the audience if it was told
// any. From Until on every token is refused.
type DjangoTokenOptions struct {
	SecretKey []byte
	Issuer    string
	Audience  string
	Until     time.Time
}

// NewDjangoTokens makes a verifier. A key below 32 bytes is ErrWeakKey.
func NewDjangoTokens(options DjangoTokenOptions, now func() time.Time) (*DjangoTokens, error) {
	key, err := NewHMACKey(options.SecretKey)
	if err != nil {
		return nil, err
	}
	return &DjangoTokens{options: options, key: key, now: now}, nil
}

// Until is from when on every token is refused.
func (d *DjangoTokens) Until() time.Time { return d.options.Until }

// DjangoToken is what a verified token says. UserID is the user's primary key there: a decimal number or a UUID. ID is a
// name that no other token of the user has. Renewable is an access token of djangorestframework-jwt that a new one may be
// had for.
type DjangoToken struct {
	UserID    string
	ID        string
	Renewable bool
}

// djangoClaims are those of SimpleJWT and of djangorestframework-jwt, which has no token_type and always a username.
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

// VerifyAccess answers what an access token of either library says, ErrTokenExpired if its age is the only thing wrong, and
// ErrTokenInvalid for everything else.
func (d *DjangoTokens) VerifyAccess(token string) (DjangoToken, error) {
	return d.verify(token, "access", "")
}

// VerifyRefresh is VerifyAccess for a refresh token of SimpleJWT.
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
	if verified.ID == "" { // as in older versions of djangorestframework-jwt; the signature is as good a name
		verified.ID = token[strings.LastIndexByte(token, '.')+1:]
	}
	return verified, nil
}

// check says what is wrong with claims now. Expiry comes last, so that it is answered only if nothing else is wrong.
func (d *DjangoTokens) check(claims djangoClaims, types []string) error {
	now := d.now()
	if !slices.Contains(types, claims.Type) {
		return invalid("token_type is not " + strings.Join(types, " or "))
	}
	switch {
	case claims.Type == "" && claims.Username == nil:
		return invalid("neither token_type nor username is there")
	case claims.Type != "" && claims.ID == "":
		return invalid("jti is missing")
	case !isExactly(claims.Issuer, d.options.Issuer), !isAmong(claims.Audience, d.options.Audience):
		return invalid("aud or iss is not the one that was agreed on")
	case claims.NotBefore.Time().After(now), claims.IssuedAt.Time().After(now):
		return invalid("nbf or iat is in the future")
	case claims.ExpiresAt == 0:
		return invalid("exp is missing")
	case !now.Before(d.options.Until):
		return invalid("tokens of Django are not accepted any more")
	case !claims.ExpiresAt.Time().After(now):
		return ErrTokenExpired
	}
	return nil
}

// isExactly tells whether a claim is the wanted text; where none is wanted it may not be there.
func isExactly(claim jsontext.Value, wanted string) bool {
	if wanted == "" {
		return len(claim) == 0
	}
	var text string
	return json.Unmarshal(claim, &text) == nil && text == wanted
}

// isAmong is isExactly for a claim that can also be a list (RFC 7519, section 4.1.3).
func isAmong(claim jsontext.Value, wanted string) bool {
	if claim.Kind() != '[' || wanted == "" {
		return isExactly(claim, wanted)
	}
	var list []string
	return json.Unmarshal(claim, &list) == nil && slices.Contains(list, wanted)
}

// djangoUserID takes a whole number, a string of one, or a UUID, in their one spelling.
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
