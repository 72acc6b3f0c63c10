package testkit_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

func TestEachDB_IsMigratedAndFresh(t *testing.T) {
	for range 2 {
		seen := map[string]bool{}
		testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
			seen[database.Dialect(db)] = true
			require.NoError(t, database.CheckSchema(t.Context(), db))
			require.NoError(t, db.Exec("CREATE TABLE left_behind (id integer)").Error)
		})
		require.True(t, seen[database.SQLite])
	}
}

func TestEachDB_ClosesTheDatabase(t *testing.T) {
	var pools []*sql.DB
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		pool, err := db.DB()
		require.NoError(t, err)
		pools = append(pools, pool)
	})
	for _, pool := range pools {
		require.EqualError(t, pool.Ping(), "sql: database is closed")
	}
}

func TestEachURL_IsEmpty(t *testing.T) {
	testkit.EachURL(t, func(t *testing.T, url string) {
		db, err := database.Open(url, database.Options{})
		require.NoError(t, err)
		defer database.Close(db)
		require.ErrorIs(t, database.CheckSchema(t.Context(), db), database.ErrSchemaStale)
		tables, err := db.Migrator().GetTables()
		require.NoError(t, err)
		require.Empty(t, tables)
	})
}
