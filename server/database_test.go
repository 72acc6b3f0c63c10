package server_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
	"latchkey/database"
	"latchkey/server"
	"latchkey/testkit"
)

func TestPrepareSchema_MigratesOnlyIfTheSettingsAllowIt(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		prepare := func(autoMigrate string) error {
			settings, err := config.Load(testkit.Environ(url, "AUTO_MIGRATE="+autoMigrate), t.TempDir())
			require.NoError(t, err)
			return server.PrepareSchema(t.Context(), settings, slog.New(slog.DiscardHandler))
		}
		require.ErrorIs(t, prepare("false"), database.ErrSchemaStale)
		require.NoError(t, prepare("true"))
		require.NoError(t, prepare("false"))
		require.NoError(t, database.CheckSchema(t.Context(), testkit.OpenAt(t, url)))
	})
}

func TestOpenDatabase_BoundsTheConnections(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		settings, err := config.Load(testkit.Environ(url, "DB_MAX_OPEN_CONNS=3"), t.TempDir())
		require.NoError(t, err)
		db, err := server.OpenDatabase(settings, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		defer database.Close(db)
		pool, err := db.DB()
		require.NoError(t, err)
		require.Equal(t, 3, pool.Stats().MaxOpenConnections)
	})
}
