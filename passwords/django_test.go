package passwords_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/passwords"
)

// django runs testdata/django/hashers.py with the Django package of Debian. Without it the test skips, or fails under
// TEST_REQUIRE_SERVICES=1.
func django(t *testing.T, task string, input, output any) {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.CommandContext(t.Context(), python, "-c", "import django, argon2, bcrypt").Run(); err != nil {
		const missing = "install python3-django, python3-argon2 and python3-bcrypt to run this test"
		if os.Getenv("TEST_REQUIRE_SERVICES") == "1" {
			require.Fail(t, missing)
		}
		t.Skip(missing)
	}
	text, err := json.Marshal(input)
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), python, "testdata/django/hashers.py", task)
	command.Stdin = bytes.NewReader(text)
	var stderr strings.Builder
	command.Stderr = &stderr
	answer, err := command.Output()
	require.NoError(t, err, "%s", stderr.String())
	require.NoError(t, json.Unmarshal(answer, output))
}

func TestPool_Verify_AcceptsHashesOfARealDjango(t *testing.T) {
	var made struct {
		Hashes   []struct{ Hasher, Password, Encoded string }
		Unusable string
	}
	django(t, "make", nil, &made)
	pool := newPool(t, passwords.Options{Parameters: passwords.FastParameters(), AllowLegacy: passwords.LegacyFormats()})
	hashers := map[string]bool{}
	for _, hash := range made.Hashes {
		hashers[hash.Hasher] = true
		result, err := pool.Verify(t.Context(), hash.Password, hash.Encoded)
		require.NoError(t, err, "%s", hash.Encoded)
		truncated := hash.Hasher == "bcrypt" && len(hash.Password) > 72
		opens := !truncated && hash.Password != ""
		require.Equal(t, opens, result.Match, "%s of %q", hash.Hasher, hash.Password)
		require.Equal(t, opens, result.Outdated)
		for _, other := range []string{hash.Password + "x", strings.TrimSuffix(hash.Password+"y", "ty"), "another one"} {
			if other == hash.Password {
				continue
			}
			result, err = pool.Verify(t.Context(), other, hash.Encoded)
			require.NoError(t, err)
			require.False(t, result.Match, "%s of %q by %q", hash.Hasher, hash.Password, other)
		}
	}
	for _, hasher := range []string{"pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "bcrypt", "md5"} {
		require.True(t, hashers[hasher], "Django made none with %s", hasher)
	}
	require.False(t, passwords.IsUsable(made.Unusable))
	result, err := pool.Verify(t.Context(), made.Unusable, made.Unusable)
	require.NoError(t, err)
	require.False(t, result.Match)
}

// Django puts the name of its hasher before the string that the library returns; of our formats only bcrypt_sha256 has it.
func TestPool_Hash_IsAcceptedByARealDjango(t *testing.T) {
	type pair struct {
		Password string `json:"password"`
		Encoded  string `json:"encoded"`
	}
	var pairs []pair
	var want []bool
	bcrypt := passwords.Parameters{Algorithm: passwords.Bcrypt, Cost: 4}
	for _, test := range []struct {
		prefix     string
		parameters passwords.Parameters
		password   string
	}{
		{"argon2", passwords.FastParameters(), letmein},
		{"argon2", passwords.FastParameters(), "x"},
		{"argon2", passwords.FastParameters(), strings.Repeat("0123456789", 10)},
		{"bcrypt$", bcrypt, letmein},
		{"", bcrypt, strings.Repeat("0123456789", 10)},
	} {
		pool := newPool(t, passwords.Options{Parameters: test.parameters})
		encoded, err := pool.Hash(t.Context(), test.password)
		require.NoError(t, err)
		encoded = test.prefix + encoded
		pairs = append(pairs, pair{test.password, encoded}, pair{test.password + "x", encoded})
		want = append(want, true, false)
	}
	var accepted []bool
	django(t, "check", pairs, &accepted)
	require.Equal(t, want, accepted, "%v", pairs)
}
