package config_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// docs/sessions.md states how long sessions live. It has to be what the settings say.
func TestTheDocumentedTimesOfSessionsAreTheDefaults(t *testing.T) {
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
