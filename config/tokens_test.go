package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestJWT_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"JWT_ALGORITHM", []string{"none", "hs256", "HS512"}, "not a valid value", nil},
		{"JWT_SECRET_KEY", []string{"short"}, "needs at least 32", nil},
		{"JWT_SECRET_KEY", []string{strongKey}, "only HS256", []string{"JWT_ALGORITHM=ES256", "JWT_PRIVATE_KEY=" + pemKey}},
		{"JWT_PRIVATE_KEY", []string{pemKey}, "HS256 signs with a shared secret", []string{"JWT_ALGORITHM=HS256"}},
		{"JWT_EXPIRATION_JITTER", []string{"x"}, "not a number", nil},
		{"JWT_EXPIRATION_JITTER", []string{"-0.1", "0.51", "NaN", "Inf"}, "not between 0 and 0.5", nil},
		{"JWT_KEY_ROTATION", []string{"-1s", "1h", "87601h"}, "from 24h", nil},
		{"JWT_PRIVATE_KEY", []string{"HUSH"}, "not a PEM", []string{"JWT_ALGORITHM=RS256"}},
		{"JWT_PRIVATE_KEY", []string{strings.ReplaceAll(pemKey, "PRIVATE", "PUBLIC")}, "not of a private key",
			[]string{"JWT_ALGORITHM=ES256"}},
		{"JWT_EXPIRATION_DELTA", []string{"0", "-5m", "24h1s", "86401", "500ms"}, "from 1s to 24h", nil},
		{"JWT_EXPIRATION_DELTA", []string{"5 minutes", "timedelta(minutes=5)", "9999999999999", "1e3",
			"5" + strings.Repeat("m", 99)}, "not a duration", nil},
		{"JWT_LEEWAY", []string{"-1s", "121"}, "from 0s to 2m", nil},
		{"JWT_AUTH_HEADER_PREFIX", []string{"Be arer", "Bearer:", "Bée", "\"JWT\""}, "not a valid authentication scheme", nil},
		{"JWT_VERIFY", []string{"false", "0", "False"}, "anyone can forge them", nil},
		{"JWT_VERIFY", []string{"no"}, "not true or false", nil},
		{"JWT_VERIFY_EXPIRATION", []string{"false"}, "stolen token", nil},
	})
}

func TestJWT_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelError, "JWT_SECRET_KEY", "randomness",
			[]string{development, "JWT_ALGORITHM=HS256", "JWT_PRIVATE_KEY=", "JWT_SECRET_KEY" + weak}},
		{config.LevelWarning, "JWT_SECRET_KEY", "same as SECRET_KEY",
			[]string{"JWT_ALGORITHM=HS256", "JWT_PRIVATE_KEY=", "JWT_SECRET_KEY=" + strongKey}},
		{config.LevelWarning, "JWT_ALGORITHM", "HS256", []string{"JWT_ALGORITHM=HS256", "JWT_PRIVATE_KEY="}},
		{config.LevelWarning, "JWT_EXPIRATION_DELTA", "16m", []string{"JWT_EXPIRATION_DELTA=16m"}},
	})
}

func TestJWT_AlgorithmFollowsTheKey(t *testing.T) {
	t.Parallel()
	require.True(t, load(t).JWT.ManagesKeys())
	require.True(t, load(t, "JWT_ALGORITHM=HS256").JWT.ManagesKeys())
	shared := load(t, "JWT_SECRET_KEY="+strongKey).JWT
	require.Equal(t, "HS256", shared.Algorithm)
	require.False(t, shared.ManagesKeys())
	private := load(t, "JWT_PRIVATE_KEY="+pemKey).JWT
	require.Equal(t, "ES256", private.Algorithm)
	require.False(t, private.ManagesKeys())
}
