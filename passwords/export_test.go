package passwords

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// RawHash returns a cheap hash of the password's bytes as they are, which is what other systems and former versions made.
func RawHash(t testing.TB, password string) string {
	t.Helper()
	encoded, err := FastParameters().hash(&lane{limit: 8}, password)
	require.NoError(t, err)
	return encoded
}

// CountForms returns how many hashes it costs to verify a typed password.
func CountForms(typed string) int { return len(formsOf(typed)) }
