package database_test

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/database/scratch"
	"latchkey/testkit"
)

// withThings returns PostgreSQL with a table of things that has one row, and a connection of its own to administrate it.
func withThings(t *testing.T, url string) (db, admin *gorm.DB) {
	t.Helper()
	admin = testkit.OpenAt(t, url)
	require.NoError(t, admin.AutoMigrate(&thing{}))
	require.NoError(t, admin.Create(&thing{ID: 1, Name: "one"}).Error)
	db, err := database.Open(url, database.Options{MaxOpenConns: 4, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close(db)) })
	return db, admin
}

// occupyAll makes every connection of db, so that each is idle.
func occupyAll(t *testing.T, db *gorm.DB) {
	t.Helper()
	begun := make([]*gorm.DB, 4)
	for i := range begun {
		begun[i] = db.Begin()
		require.NoError(t, begun[i].Error)
	}
	for _, tx := range begun {
		require.NoError(t, tx.Rollback().Error)
	}
}

const cutOthers = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity " +
	"WHERE datname = current_database() AND pid <> pg_backend_pid()"

func TestPostgresPool_RepeatsAReadWhoseConnectionWasCut(t *testing.T) {
	t.Parallel()
	db, admin := withThings(t, testkit.PostgresURL(t))
	for range 20 {
		occupyAll(t, db)
		require.NoError(t, admin.Exec(cutOthers).Error)
		var group sync.WaitGroup
		failures := make([]error, 4)
		for i := range failures {
			group.Go(func() { failures[i] = db.Take(&thing{}, "id = ?", 1).Error })
		}
		group.Wait()
		for _, err := range failures {
			require.NoError(t, err)
		}
		require.NoError(t, db.Raw("SELECT name FROM things").Row().Scan(new(string)))
	}
}

// A connection that was made while the database was read-only stays read-only.
func TestPostgresPool_ReplacesConnectionsThatCanOnlyRead(t *testing.T) {
	t.Parallel()
	url := testkit.PostgresURL(t)
	migrate(t, url)
	db, admin := withThings(t, url)
	setReadOnly := func(value string) {
		var name string
		require.NoError(t, admin.Raw("SELECT current_database()").Scan(&name).Error)
		require.NoError(t, admin.Exec(`ALTER DATABASE "`+name+`" SET default_transaction_read_only = `+value).Error)
	}
	write := func() error { return db.Model(&thing{}).Where("id = 1").Update("name", "two").Error }
	probe, err := database.NewProbe(db)
	require.NoError(t, err)
	defer probe.Close()

	setReadOnly("on")
	require.NoError(t, admin.Exec(cutOthers).Error)
	occupyAll(t, db)
	require.ErrorIs(t, write(), database.ErrUnavailable)
	require.ErrorContains(t, probe.Check(t.Context()), "read-only")
	occupyAll(t, db)
	setReadOnly("off")
	inARow := 0 // each of the old connections fails once at most
	require.Eventually(t, func() bool {
		inARow++
		if err := write(); err != nil {
			require.ErrorIs(t, err, database.ErrUnavailable)
			inARow = 0
		}
		return inARow == 8
	}, testkit.Patience, time.Millisecond)
	require.NoError(t, probe.Check(t.Context()))
}

// The standby never confirms. A commit whose wait for it is cancelled would be visible, and lost in a failover.
func TestPostgresPool_NoDeadlineEndsACommit(t *testing.T) {
	t.Parallel()
	testkit.Cluster(t) // or skip
	cluster, err := scratch.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	url, err := cluster.CreateDatabase(t.Context())
	require.NoError(t, err)
	_, admin := withThings(t, url)
	waitForStandby := func(name string) {
		require.NoError(t, admin.Exec("SET synchronous_commit = off").Error)
		pool, err := admin.DB()
		require.NoError(t, err)
		for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = " + name, "SELECT pg_reload_conf()"} {
			_, err := pool.Exec(statement) // not in a transaction
			require.NoError(t, err)
		}
	}
	db, err := database.Open(url+"&synchronous_commit=on", database.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close(db)) })
	waitForStandby("nobody")
	isWaiting := func() bool {
		var waiting int
		require.NoError(t, admin.Raw("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").Scan(&waiting).Error)
		return waiting == 1
	}

	id := 1
	create := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		id++
		return db.WithContext(ctx).Create(&thing{ID: id, Name: strconv.Itoa(id)}).Error
	}
	// PostgreSQL reloads its settings some time after it was told to.
	require.Eventually(t, func() bool { err = create(); return err != nil }, testkit.Patience, time.Millisecond)
	require.ErrorIs(t, err, database.ErrUnavailable)
	require.Eventually(t, isWaiting, testkit.Patience, 5*time.Millisecond)
	err = admin.Take(&thing{}, "id = ?", id).Error
	require.ErrorIs(t, err, gorm.ErrRecordNotFound, "nobody is shown what a failover could lose")
	require.True(t, isWaiting())

	waitForStandby("''")
	isThere := func() bool { return admin.Take(&thing{}, "id = ?", id).Error == nil }
	require.Eventually(t, isThere, testkit.Patience, 5*time.Millisecond)
	require.NoError(t, create())
}

// A client's leaving, unlike the deadline, ends no transaction of a request.
func TestPostgresPool_AClientThatLeavesEndsNoTransaction(t *testing.T) {
	t.Parallel()
	db, _ := withThings(t, testkit.PostgresURL(t))
	client, leave := context.WithCancel(t.Context())
	request, cancel := context.WithTimeout(client, testkit.Patience)
	defer cancel()
	require.NoError(t, db.WithContext(request).Transaction(func(tx *gorm.DB) error {
		leave()
		return tx.Create(&thing{ID: 2, Name: "two"}).Error
	}))
	require.NoError(t, db.Take(&thing{}, "id = 2").Error)
	require.ErrorIs(t, db.WithContext(request).Create(&thing{ID: 3, Name: "three"}).Error, context.Canceled, "and begins none")

	command, interrupt := context.WithCancel(t.Context())
	err := db.WithContext(command).Transaction(func(tx *gorm.DB) error {
		interrupt()
		return tx.Create(&thing{ID: 4, Name: "four"}).Error
	})
	require.ErrorIs(t, err, context.Canceled, "a person may interrupt a command")
	require.NoError(t, db.Create(&thing{ID: 4, Name: "four"}).Error)
}

func TestOpen_BoundsStatementsExceptThroughAPooler(t *testing.T) {
	t.Parallel()
	url := testkit.PostgresURL(t)
	for mode, want := range map[string]string{
		"": "10s", "&default_query_exec_mode=exec": "0", "&statement_timeout=7000": "7s",
	} {
		db, err := database.Open(url+mode, database.Options{StatementTimeout: 10 * time.Second})
		require.NoError(t, err)
		var bound string
		require.NoError(t, db.Raw("SELECT current_setting('statement_timeout')").Scan(&bound).Error)
		require.Equal(t, want, bound)
		require.NoError(t, database.Close(db))
	}
}

func TestPostgresPool_OnlyReadsOutsideATransaction(t *testing.T) {
	t.Parallel()
	db, _ := withThings(t, testkit.PostgresURL(t))
	const insert = "INSERT INTO things (id, name) VALUES (2, 'two') RETURNING id"
	require.ErrorContains(t, db.Raw(insert).Scan(new(int)).Error, "begin one")
	require.Error(t, db.Raw(insert).Row().Scan(new(int)))
	require.ErrorIs(t, db.Take(&thing{}, "id = 2").Error, gorm.ErrRecordNotFound)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return tx.Raw(insert).Scan(new(int)).Error }))
	require.NoError(t, db.Take(&thing{}, "id = 2").Error)
}
