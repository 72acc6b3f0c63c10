package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestChecker_Messages(t *testing.T) {
	t.Parallel()
	for environ, want := range map[string]config.Finding{
		"PASSWORD_HASH=md5": {Level: config.LevelError, Subject: "PASSWORD_HASH",
			Problem: `is "md5", which is not a valid value`, Remedy: "Write argon2id, bcrypt, scrypt or pbkdf2_sha256."},
		"APP_ENV=test": {Level: config.LevelError, Subject: "APP_ENV",
			Problem: `is "test", which is not a valid value`, Remedy: "Write development or production."},
		"JWT_LEEWAY=3m": {Level: config.LevelError, Subject: "JWT_LEEWAY",
			Problem: "is 3m0s, but must be from 0s to 2m0s", Remedy: "Write a number with a unit, such as 2m0s, or whole seconds."},
		"PASSWORD_MIN_LENGTH=7": {Level: config.LevelError, Subject: "PASSWORD_MIN_LENGTH",
			Problem: "is 7, but must be from 8 to 64"},
	} {
		findings := refused(t, t.TempDir(), environ)
		require.Equal(t, map[string]config.Finding{want.Subject: want}, findings)
	}
}

// A value that can't be parsed is zero, which would be out of range as well.
func TestChecker_SkipsVariablesWithAFinding(t *testing.T) {
	t.Parallel()
	findings := refused(t, t.TempDir(), "PASSWORD_HASH_WAIT=soon", "SECRET_KEY=short", "SECRET_KEY_FILE=missing")
	require.Len(t, findings, 2)
	require.Contains(t, findings["PASSWORD_HASH_WAIT"].Problem, "not a duration")
	require.Contains(t, findings["SECRET_KEY"].Problem, "given twice")
}
