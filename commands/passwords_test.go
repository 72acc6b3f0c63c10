package commands_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
	"latchkey/passwords"
	"latchkey/server"
)

const production = "APP_ENV=production"

// calibrated loads what a calibration printed as the settings of a production service.
func calibrated(t *testing.T, printed string) config.Settings {
	t.Helper()
	environ := append(strings.Fields(printed), production, "PUBLIC_URL=https://auth.example.com", "SECRET_KEY="+secretKey,
		"SMTP_URL=none")
	settings, err := config.Load(environ, t.TempDir())
	require.NoError(t, err)
	require.Empty(t, settings.Warnings, "every name that is printed is a setting")
	return settings
}

func TestCalibratePrintsSettingsThatProductionStartsWith(t *testing.T) {
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

func TestCalibrateComparesAll(t *testing.T) {
	done := run(t, nil, "passwords", "calibrate", "--target=10ms", "--algorithm=all")
	require.Zero(t, done.code, "%s", done.stderr)
	calibrated(t, done.stdout)
	for _, name := range []string{"ARGON2_MEMORY", "ARGON2_TIME", "ARGON2_THREADS", "BCRYPT_COST", "SCRYPT_N", "SCRYPT_R",
		"SCRYPT_P", "PBKDF2_ITERATIONS"} {
		require.Equal(t, 1, strings.Count(done.stdout, "PASSWORD_"+name+"="), name)
	}
	require.NotContains(t, done.stdout, "PASSWORD_HASH=", "comparing chooses nothing")
}

func TestTheDefaultCostsAreThoseOfTheAlgorithms(t *testing.T) {
	t.Parallel()
	for _, algorithm := range passwords.Algorithms() {
		settings, err := config.Load([]string{"PASSWORD_HASH=" + algorithm}, t.TempDir())
		require.NoError(t, err)
		byDefault, err := passwords.NewPool(passwords.Options{Parameters: passwords.Parameters{Algorithm: algorithm}})
		require.NoError(t, err)
		defer byDefault.Close()
		bySettings, err := server.NewHasher(settings, 1)
		require.NoError(t, err)
		defer bySettings.Close()
		encoded, err := bySettings.Hash(t.Context(), "plum")
		require.NoError(t, err)
		result, err := byDefault.Verify(t.Context(), "plum", encoded)
		require.NoError(t, err)
		require.Equal(t, passwords.Result{Match: true}, result, "%s", algorithm)
	}
	for _, name := range passwords.LegacyFormats() {
		_, err := config.Load([]string{"PASSWORD_ALLOW_LEGACY_HASHES=" + name}, t.TempDir())
		require.NoError(t, err)
	}
}

func TestCheckJudgesTheCostsTogether(t *testing.T) {
	t.Parallel()
	safe := []string{production, "PUBLIC_URL=https://auth.example.com", "SECRET_KEY=" + secretKey,
		"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "test.db"), "SMTP_URL=none"}
	for name, c := range map[string]struct {
		settings []string
		finds    string
	}{
		"too much argon2": {[]string{"PASSWORD_ARGON2_MEMORY=131072", "PASSWORD_ARGON2_TIME=9"}, "too expensive"},
		"too much scrypt": {[]string{"PASSWORD_HASH=scrypt", "PASSWORD_SCRYPT_N=1048576"}, "too expensive"},
		"weak argon2":     {[]string{production, "PASSWORD_ARGON2_TIME=1"}, "OWASP"},
		"weak bcrypt":     {[]string{production, "PASSWORD_HASH=bcrypt", "PASSWORD_BCRYPT_COST=9"}, "OWASP"},
		"weak scrypt":     {[]string{production, "PASSWORD_HASH=scrypt", "PASSWORD_SCRYPT_P=2"}, "OWASP"},
		"weak pbkdf2":     {[]string{production, "PASSWORD_HASH=pbkdf2_sha256", "PASSWORD_PBKDF2_ITERATIONS=599999"}, "OWASP"},
	} {
		t.Run(name, func(t *testing.T) {
			environ := append(safe[:len(safe):len(safe)], c.settings...)
			if c.finds != "OWASP" {
				environ[0] = "APP_ENV=development"
			}
			done := run(t, environ, "check")
			require.Contains(t, done.stdout, "error: PASSWORD_HASH: ")
			require.Contains(t, done.stdout, c.finds)
			require.Contains(t, done.stdout, "\n    Run: latchkey passwords calibrate\n")
			require.Equal(t, 1, done.code)
			serve := run(t, append(environ, "AUTO_MIGRATE=true"), "serve")
			require.Equal(t, 1, serve.code)
			require.Contains(t, serve.stderr, c.finds)

			environ[0] = "APP_ENV=development"
			for i, setting := range environ {
				if setting == production {
					environ[i] = "APP_ENV=development"
				}
			}
			deploy := run(t, environ, "check", "--deploy")
			require.Equal(t, 1, strings.Count(deploy.stdout, "error: PASSWORD_HASH: "), "%s", deploy.stdout)
		})
	}
}
