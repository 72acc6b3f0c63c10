package config_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSession_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"SESSION_IDLE_TIMEOUT", []string{"0", "59s", "87601h"}, "from 1m", nil},
		{"SESSION_LIFETIME", []string{"0", "59s", "87601h"}, "from 1m", nil},
		{"REFRESH_GRACE", []string{"-1s", "11m"}, "from 0s to 10m", nil},
	})
}

// docs/sessions.md states how long sessions and their keys live. It must agree with the defaults.
func TestSession_DefaultsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/sessions.md")
	require.NoError(t, err)
	settings := load(t)
	const day = 24 * time.Hour
	require.Contains(t, string(page), "`SESSION_IDLE_TIMEOUT` (30 days)")
	require.Equal(t, 30*day, settings.Session.IdleTimeout)
	require.Contains(t, string(page), "`SESSION_LIFETIME` (a year)")
	require.Equal(t, 365*day, settings.Session.Lifetime)
	require.Contains(t, string(page), "`JWT_KEY_ROTATION` (90 days)")
	require.Equal(t, 90*day, settings.JWT.KeyRotation)
	require.Contains(t, string(page), "five\nminutes")
	require.Equal(t, 5*time.Minute, settings.JWT.ExpirationDelta)
}
