package config

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
)

// Secret is a setting whose value must not be seen. Printed with any verb, logged or marshalled, it is ***; Reveal
// gives the value.
type Secret struct{ value string }

// NewSecret makes a secret of a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal is the value.
func (s Secret) Reveal() string { return s.value }

// IsSet says whether there is a value.
func (s Secret) IsSet() bool { return s.value != "" }

// String is *** for a secret that is set.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return "***"
}

// Format prints String for every verb: %x and %d would print the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is String, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, for JSON and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the value from a variable.
func (s *Secret) UnmarshalText(text []byte) error {
	s.value = string(text)
	return nil
}

// IsSQLite says whether the database is an SQLite file.
func (d Database) IsSQLite() bool { return strings.HasPrefix(d.URL.value, "sqlite:") }

// Path is the SQLite file's.
func (d Database) Path() string {
	return strings.TrimPrefix(strings.TrimPrefix(d.URL.value, "sqlite:"), "//")
}

// Redacted is the database's URL as it may be shown: without its password.
func (d Database) Redacted() string {
	if d.IsSQLite() {
		return d.URL.value
	}
	parsed, err := url.Parse(d.URL.value)
	if err != nil {
		return "***"
	}
	if parsed.RawQuery != "" {
		parsed.RawQuery = "***" // options can hold a password too
	}
	return parsed.Redacted()
}
