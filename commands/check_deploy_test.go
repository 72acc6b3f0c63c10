package commands_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var subjectOf = regexp.MustCompile(`(?m)^(?:error|warning): ([^:]+): `)

func TestCheck_DeploySaysEachSettingOnce(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"nothing set":                   nil,
		"production with nothing":       {"APP_ENV=production"},
		"production that is refused":    {"APP_ENV=production", "PUBLIC_URL=http://a.example", "SECRET_KEY=changeme-changeme-changeme-changeme", "TRUSTED_PROXIES=0.0.0.0/0", "PASSWORD_ARGON2_TIME=1"},
		"what no environment tolerates": {"PUBLIC_URL=http://a.example/path", "PASSWORD_MIN_LENGTH=4", "PASSWORD_HASH=scrypt", "PASSWORD_SCRYPT_P=2"},
	} {
		t.Run(name, func(t *testing.T) {
			done := run(t, environ, "check", "--deploy")
			require.Equal(t, 1, done.code)
			seen := map[string]bool{}
			for _, match := range subjectOf.FindAllStringSubmatch(done.stdout, -1) {
				require.False(t, seen[match[1]], "%s is said twice:\n%s", match[1], done.stdout)
				seen[match[1]] = true
			}
			require.NotEmpty(t, seen)
		})
	}
}
