package commands_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
	"latchkey/passwords"
	"latchkey/server"
)

// calibrated loads the settings that a calibration printed, as those of a production service.
func calibrated(t *testing.T, printed string) config.Settings {
	t.Helper()
	environ := append(strings.Fields(printed), production, "PUBLIC_URL=https://auth.example.com", "SECRET_KEY="+secretKey,
		"SMTP_URL=none")
	settings, err := config.Load(environ, t.TempDir())
	require.NoError(t, err)
	require.Empty(t, settings.Warnings, "every name that is printed is a setting")
	return settings
}

func TestPasswords_CalibratePrintsSettingsThatProductionStartsWith(t *testing.T) {
	for _, algorithm := range passwords.Algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			done := run(t, nil, "passwords", "calibrate", "--target=10ms", "--algorithm="+algorithm)
			require.Zero(t, done.code, "%s", done.stderr)
			require.Contains(t, done.stderr, algorithm+": one hash takes ")
			require.NotContains(t, done.stderr, "\x1b", "no progress where no person looks")
			settings := calibrated(t, done.stdout)
			require.Equal(t, algorithm, settings.Hash.Algorithm)
			hasher, err := server.NewHasher(settings, 1)
			require.NoError(t, err)
			hasher.Close()
		})
	}
}

func TestPasswords_CalibrateComparesAll(t *testing.T) {
	done := run(t, nil, "passwords", "calibrate", "--target=10ms", "--algorithm=all")
	require.Zero(t, done.code, "%s", done.stderr)
	calibrated(t, done.stdout)
	for _, name := range []string{"ARGON2_MEMORY", "ARGON2_TIME", "ARGON2_THREADS", "BCRYPT_COST", "SCRYPT_N", "SCRYPT_R",
		"SCRYPT_P", "PBKDF2_ITERATIONS"} {
		require.Equal(t, 1, strings.Count(done.stdout, "PASSWORD_"+name+"="), name)
	}
	require.NotContains(t, done.stdout, "PASSWORD_HASH=", "comparing chooses nothing")
}
