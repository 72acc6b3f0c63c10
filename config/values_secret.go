package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a string that is never printed: fmt with any verb, slog, encoding/json and the like write *** in its place, and
// "(not set)" for the zero value.
type Secret struct {
	// fmt bypasses Format for a Secret in an unexported field and prints what it holds; of a pointer, that is the address.
	value *string
}

// NewSecret returns value as a Secret; an empty one as the zero Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal returns the value. The caller is responsible for where it goes.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Bytes returns a copy of the value.
func (s Secret) Bytes() []byte { return []byte(s.Reveal()) }

// IsSet reports whether there is a value.
func (s Secret) IsSet() bool { return s.value != nil }

// String returns *** or "(not set)".
func (s Secret) String() string {
	if !s.IsSet() {
		return "(not set)"
	}
	return "***"
}

// Format prints String, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue logs String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText encodes String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText sets the value to text.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}
