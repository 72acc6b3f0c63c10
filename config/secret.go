package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a string that no printing shows: every verb of fmt, slog, encoding/json and the like give *** for it, and
// "(not set)" for the zero value.
type Secret struct {
	// A pointer, because of a Secret in an unexported field fmt prints the content, but only the address of a pointer.
	value *string
}

// NewSecret makes a secret of value; of an empty one the zero Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal gives the value. Whoever calls it answers for where it goes.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Bytes gives a copy of the value.
func (s Secret) Bytes() []byte { return []byte(s.Reveal()) }

// IsSet tells whether there is a value.
func (s Secret) IsSet() bool { return s.value != nil }

// String gives *** or "(not set)".
func (s Secret) String() string {
	if !s.IsSet() {
		return "(not set)"
	}
	return "***"
}

// Format prints what String gives, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue logs what String gives.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText encodes what String gives.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes text as the value.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}
