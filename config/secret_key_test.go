package config_test

import (
	"strings"
	"testing"

	"latchkey/config"
)

func TestSecrets_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"SECRET_KEY", []string{"short", strings.Repeat("x", 31)}, "needs at least 32", nil},
		{"SECRET_KEY", []string{""}, "required in production", production("SECRET_KEY=")},
		{"SECRET_KEY", []string{""}, "required with PostgreSQL", []string{"DATABASE_URL=postgresql://localhost/x"}},
		{"SECRET_KEY_FALLBACKS", []string{"short", strongKey + ",short"}, "less than 32 bytes", nil},
		{"SECRET_KEY", []string{strongKey + ","}, "contains a comma", nil},
	})
}

func TestSecrets_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelError, "SECRET_KEY", "randomness", []string{development, "SECRET_KEY" + weak}},
		{config.LevelError, "SECRET_KEY", "example", []string{development, "SECRET_KEY=an example of 32 bytes and of more"}},
		{config.LevelError, "SECRET_KEY", "not set", []string{development, "SECRET_KEY=", "DATABASE_URL=sqlite:a.db"}},
	})
}
