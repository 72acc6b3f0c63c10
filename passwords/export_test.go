package passwords

import (
	"bufio"
	"compress/gzip"
	"os"
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

// CommonPasswords returns Django's list of 20,000.
func CommonPasswords(t testing.TB) (common []string) {
	t.Helper()
	file, err := os.Open("wordlist/common-passwords.txt.gz")
	require.NoError(t, err)
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	require.NoError(t, err)
	lines := bufio.NewScanner(unzipped)
	for lines.Scan() {
		common = append(common, lines.Text())
	}
	require.NoError(t, lines.Err())
	return common
}

// KnownPasswords returns how many known passwords the program has, and in how many bytes.
func KnownPasswords() (count, size int) {
	return (len(knownPasswords) - knownBuckets) / knownRestSize, len(knownPasswords)
}

// IsKnown reports whether a password is known.
func IsKnown(password string) bool { return knownPasswords.contains(password) }
