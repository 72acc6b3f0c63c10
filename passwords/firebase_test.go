package passwords_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/passwords"
)

// firebaseExample returns the example that Firebase publishes with its scrypt.
func firebaseExample(t *testing.T) string {
	t.Helper()
	decode := func(text string) []byte {
		data, err := base64.StdEncoding.DecodeString(text)
		require.NoError(t, err)
		return data
	}
	salt := append(decode("42xEC+ixf3L2lw=="), decode("Bw==")...)
	return passwords.EncodeFirebase(14, 8, salt,
		decode("jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="),
		decode("lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="))
}

func TestEncodeFirebase_VerifiesThePublishedExample(t *testing.T) {
	encoded := firebaseExample(t)
	algorithm, err := passwords.Identify(encoded)
	require.NoError(t, err)
	require.Equal(t, "firebase_scrypt", algorithm)
	pool, err := passwords.NewPool(passwords.Options{Concurrency: 1})
	require.NoError(t, err)
	defer pool.Close()
	for password, match := range map[string]bool{"user1password": true, "user1Password": false, "": false} {
		result, err := pool.Verify(t.Context(), password, encoded)
		require.NoError(t, err)
		require.Equal(t, passwords.Result{Match: match, Outdated: match}, result)
	}
}

func TestIdentify_RefusesMalformedFirebaseScrypt(t *testing.T) {
	encoded := firebaseExample(t)
	fields := strings.Split(encoded, "$")
	for name, broken := range map[string]string{
		"a field missing":    strings.Join(fields[:5], "$"),
		"a field more":       encoded + "$",
		"no costs":           strings.Replace(encoded, "ln=14,r=8", "", 1),
		"a cost of zero":     strings.Replace(encoded, "ln=14", "ln=0", 1),
		"an absurd cost":     strings.Replace(encoded, "ln=14", "ln=31", 1),
		"too expensive":      strings.Replace(encoded, "ln=14", "ln=20", 1),
		"a hash cut off":     encoded[:len(encoded)-4],
		"no hash":            strings.TrimSuffix(encoded, fields[5]),
		"no signer, no hash": strings.Join(fields[:4], "$") + "$$",
	} {
		_, err := passwords.Identify(broken)
		require.Error(t, err, name)
	}
}
