package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestSwitch(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Switch{"on": true, "true": true, "off": false, "false": false} {
		require.Equal(t, want, load(t, "SECURITY_NOTICES="+text).Account.SecurityNotices, text)
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Quota{
		"1/1s": quota(1, time.Second), " 30 / 90 ": quota(30, 90*time.Second), "1000000/24h": quota(1_000_000, 24*time.Hour),
	} {
		require.Equal(t, want, load(t, "RATE_LIMIT_LOGIN="+text).RateLimit.Login, text)
	}
}

// The last day of the longest token is a whole day.
func TestDeadline_IsTheEndOfItsDay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"2026-12-31":                time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		"2026-12-31T12:00:00+02:00": time.Date(2026, 12, 31, 10, 0, 0, 0, time.UTC),
	} {
		settings := load(t, "DJANGO_COMPAT=true", "DJANGO_SECRET_KEY="+strongKey, "DJANGO_TOKENS_UNTIL="+text)
		require.True(t, want.Equal(settings.Django.TokensUntil.Time), "%s", settings.Django.TokensUntil)
	}
}
