package config_test

import (
	"testing"
)

func TestDjango_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"DJANGO_DATABASE_URL", []string{"mysql://u:HUSH@h/d", "HUSH", "sqlite:a.db"}, "does not begin with postgres://", nil},
		{"DJANGO_DATABASE_URL", []string{"postgres://u:HUSH%@h/d"}, "can't be read as a URL", nil},
		{"DJANGO_COMPAT", []string{"true"}, "reveals who has an account", []string{"SIGNUP_ENUMERATION_SAFE=true"}},
		{"DJANGO_SECRET_KEY", []string{"HUSH"}, "needs at least 32", []string{"DJANGO_COMPAT=true", "DJANGO_TOKENS_UNTIL=2026-12-31"}},
		{"DJANGO_SECRET_KEY", []string{strongKey}, "only accepted at the paths", []string{"DJANGO_TOKENS_UNTIL=2026-12-31"}},
		{"DJANGO_TOKENS_UNTIL", []string{"2026-12-31", "2026-12-31T12:00:00Z"}, "without DJANGO_SECRET_KEY", nil},
		{"DJANGO_TOKENS_UNTIL", []string{"soon", "31.12.2026", "2026-12-31 12:00"}, "not a date", nil},
	})
}
