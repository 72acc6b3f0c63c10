package tokens

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Claims is what an access token says (RFC 7519, section 4.1; RFC 9068, section 2.2). A claim added here is signed and
// read back without further work.
type Claims struct {
	Issuer    string      `json:"iss"`
	Subject   string      `json:"sub"`
	Audience  Audience    `json:"aud"`
	ExpiresAt NumericDate `json:"exp"`
	IssuedAt  NumericDate `json:"iat"`
	NotBefore NumericDate `json:"nbf"`
	ID        string      `json:"jti"`
	SessionID string      `json:"sid,omitempty"`
	Roles     []string    `json:"roles,omitempty"`

	// What Django's libraries call the user, for clients that read it; only in the tokens of its paths. The user id is the
	// integer of old, or else the subject. A token that a new one may be had for says when the first was issued.
	DjangoUserID jsontext.Value `json:"user_id,omitempty"`
	Username     string         `json:"username,omitempty"`
	Email        string         `json:"email,omitempty"`
	OriginallyAt NumericDate    `json:"orig_iat,omitzero"`
}

// NumericDate is a moment in whole seconds since 1970 (RFC 7519, section 2). A fraction is cut off in reading.
type NumericDate int64

const maxNumericDate = 253402300799 // the end of the year 9999

var errNotNumericDate = errors.New("not a number of seconds between 1970 and 9999")

// Time is the moment in UTC.
func (d NumericDate) Time() time.Time { return time.Unix(int64(d), 0).UTC() }

// UnmarshalJSON takes a JSON number between 1970 and 9999, whole or not.
func (d *NumericDate) UnmarshalJSON(data []byte) error {
	seconds, err := strconv.ParseFloat(string(data), 64)
	if err != nil || seconds < 0 || seconds > maxNumericDate {
		return errNotNumericDate
	}
	*d = NumericDate(seconds)
	return nil
}

// Audience is who a token is for: in JSON one string, or an array of them (RFC 7519, section 4.1.3).
type Audience []string

// Contains says whether the token is for name; an audience that holds an empty name is for nobody.
func (a Audience) Contains(name string) bool {
	return slices.Contains(a, name) && !slices.Contains(a, "")
}

// MarshalJSON writes an audience of one as a string.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON takes a string or an array of strings.
func (a *Audience) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*[]string)(a))
	}
	*a = Audience{""}
	return json.Unmarshal(data, &(*a)[0])
}
