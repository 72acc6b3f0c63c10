package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
	"latchkey/passwords"
	"latchkey/server"
)

func TestNewHasher_DefaultCostsAreThoseOfTheAlgorithms(t *testing.T) {
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
