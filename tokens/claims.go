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

// Claims is the payload of an access token (RFC 7519, section 4.1; RFC 9068, section 2.2). A field added here is signed
// and read back without further work.
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

	// The claims of Django's libraries, for clients that read them; set only in tokens issued by the Django-compatible
	// paths. DjangoUserID is the user's integer key in Django, or else the subject. OriginallyAt is set in a token that can
	// be renewed: it is when the first token of the chain was issued.
	DjangoUserID jsontext.Value `json:"user_id,omitempty"`
	Username     string         `json:"username,omitempty"`
	Email        string         `json:"email,omitempty"`
	OriginallyAt NumericDate    `json:"orig_iat,omitzero"`
}

// NumericDate is a moment in whole seconds since 1970 (RFC 7519, section 2). Unmarshalling truncates fractions.
type NumericDate int64

const maxNumericDate = 253402300799 // the end of the year 9999

var errNotNumericDate = errors.New("not a number of seconds between 1970 and 9999")

// Time returns the moment in UTC.
func (d NumericDate) Time() time.Time { return time.Unix(int64(d), 0).UTC() }

// UnmarshalJSON accepts a JSON number of seconds between the years 1970 and 9999, whole or not.
func (d *NumericDate) UnmarshalJSON(data []byte) error {
	seconds, err := strconv.ParseFloat(string(data), 64)
	if err != nil || seconds < 0 || seconds > maxNumericDate {
		return errNotNumericDate
	}
	*d = NumericDate(seconds)
	return nil
}

// Audience lists the recipients that a token is meant for: in JSON a string or an array of strings (RFC 7519, section
// 4.1.3).
type Audience []string

// Contains reports whether the audience includes name. An audience with an empty name in it contains nobody.
func (a Audience) Contains(name string) bool {
	return slices.Contains(a, name) && !slices.Contains(a, "")
}

// MarshalJSON writes a single recipient as a string, and several as an array.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON accepts a string or an array of strings.
func (a *Audience) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*[]string)(a))
	}
	*a = Audience{""}
	return json.Unmarshal(data, &(*a)[0])
}
