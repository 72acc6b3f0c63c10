package database_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

// Whoever waits for the lock, or for an answer, and then goes away, has not met a failure of the database.
func TestSQLite_TheEndOfAContextIsNoFailureOfAStatement(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]func(db *gorm.DB) error{
		"a statement":   func(db *gorm.DB) error { return db.Exec("CREATE TABLE t (x integer)").Error },
		"a transaction": func(db *gorm.DB) error { return db.Transaction(func(*gorm.DB) error { return nil }) },
		"a long query": func(db *gorm.DB) error {
			var n int
			return db.Raw("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c").Scan(&n).Error
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := &testkit.Log{}
			db, err := database.Open("sqlite:"+filepath.Join(t.TempDir(), "test.db"),
				database.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
			require.NoError(t, err)
			defer database.Close(db)
			require.NoError(t, db.Exec("CREATE TABLE held (x integer)").Error)
			pool, err := db.DB()
			require.NoError(t, err)
			holder := db.Begin()
			require.NoError(t, holder.Error)
			defer holder.Rollback()

			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- statement(db.WithContext(ctx)) }()
			require.Eventually(t, func() bool { return pool.Stats().InUse == 2 }, time.Minute, time.Millisecond)
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)
			require.NotContains(t, log.String(), "ERROR")
		})
	}
}
