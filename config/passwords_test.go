package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestPassword_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"PASSWORD_MIN_LENGTH", []string{"0", "7", "65"}, "from 8 to 64", nil},
		{"PASSWORD_FORBIDDEN_WORDS", []string{"ab", "acme,x", strings.Repeat("x", 65)}, "fewer than 3", nil},
		{"PASSWORD_HASH_CONCURRENCY", []string{"-1", "1025"}, "from 0 to 1024", nil},
		{"PASSWORD_HASH_WAIT", []string{"0", "31s"}, "from 1ms to 30s", nil},
		{"PASSWORD_HASH", []string{"md5", "Argon2id", "argon2i", "pbkdf2-sha256"}, "not a valid value", nil},
		{"PASSWORD_ARGON2_MEMORY", []string{"0", "7", "131073"}, "from 8 to 131072", nil},
		{"PASSWORD_ARGON2_MEMORY", []string{"19 MiB", "19456KiB"}, "not a whole number", nil},
		{"PASSWORD_ARGON2_TIME", []string{"0", "1025"}, "from 1 to 1024", nil},
		{"PASSWORD_ARGON2_THREADS", []string{"0", "17"}, "from 1 to 16", nil},
		{"PASSWORD_BCRYPT_COST", []string{"0", "3", "16", "31"}, "from 4 to 15", nil},
		{"PASSWORD_SCRYPT_N", []string{"-2", "0", "1", "2097152"}, "from 2 to", nil},
		{"PASSWORD_SCRYPT_N", []string{"15", "32767"}, "not a power of two", nil},
		{"PASSWORD_SCRYPT_R", []string{"0", "65"}, "from 1 to 64", nil},
		{"PASSWORD_SCRYPT_P", []string{"0", "17"}, "from 1 to 16", nil},
		{"PASSWORD_PBKDF2_ITERATIONS", []string{"0", "4000001"}, "from 1 to 4000000", nil},
		{"PASSWORD_ALLOW_LEGACY_HASHES", []string{"crypt", "md5,crypt,bogus", "MD5"}, "not a valid value", nil},
	})
}

func TestPassword_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelWarning, "PASSWORD_MIN_LENGTH", "800-63B-4", []string{"PASSWORD_MIN_LENGTH=14"}},
		{config.LevelWarning, "PASSWORD_ALLOW_LEGACY_HASHES", "md5, unsalted_md5",
			[]string{"PASSWORD_ALLOW_LEGACY_HASHES=md5,unsalted_md5"}},
	})
}

func TestSettings_ForbiddenWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"Acme Works", "mail.acmeworks.example", "login.acme.example", "road runner", "anvil"}, load(t,
		"MAIL_FROM=Acme Works <no-reply@mail.acmeworks.example>", "PUBLIC_URL=https://login.acme.example:8443",
		"PASSWORD_FORBIDDEN_WORDS=road runner,anvil",
	).ForbiddenWords())
	require.Equal(t, []string{"localhost:8080", "localhost"}, load(t).ForbiddenWords())
}
