package commands_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestSettings_UserCommandsNeedACurrentSchema(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		environ := with(url, "AUTO_MIGRATE=false", "SUPERUSER_EMAIL="+ann, "SUPERUSER_PASSWORD="+otherPassword)
		for _, args := range [][]string{{"createsuperuser", "--no-input"}, {"promote", ann}, {"demote", ann}} {
			done := run(t, environ, args...)
			require.Equal(t, 1, done.code)
			require.Contains(t, done.stderr, "latchkey migrate up")
		}
	})
}
