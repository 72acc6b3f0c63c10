package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoadError_Error(t *testing.T) {
	t.Parallel()
	_, err := loadIn(t, "JWT_EXPIRATION_DELTA=5 minutes", "ADDR=8080")
	require.EqualError(t, err, `the settings have 2 errors:

  ADDR is "8080", which is not an address to listen on
    Write HOST:PORT, such as 127.0.0.1:8080, or :8080 to listen on every interface.

  JWT_EXPIRATION_DELTA is "5 minutes", which is not a duration
    Write a number with a unit, such as 90s, 5m or 1h30m, or whole seconds, such as 300.`)
}
