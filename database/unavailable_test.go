package database_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

func TestErrUnavailable_IsWhatPostgreSQLMayDoAnotherTime(t *testing.T) {
	t.Parallel()
	db := testkit.OpenAt(t, testkit.PostgresURL(t))
	for code, want := range map[string]bool{
		"08006": true, "25006": true, "40001": true, "40P01": true, "53100": true, "53200": true, "53300": true, "55P03": true,
		"57014": true, "57P01": true, "57P02": true, "57P03": true, "58030": true,
		"22P02": false, "23502": false, "42P01": false, "42P05": false, "42501": false, "XX000": false, "P0001": false,
	} {
		err := db.Exec(fmt.Sprintf("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '%s'; END $$", code)).Error
		require.Error(t, err, code)
		require.Equal(t, want, errors.Is(err, database.ErrUnavailable), "%s: %v", code, err)
	}
}

func TestErrUnavailable_IsAFileThatSQLiteCannotWrite(t *testing.T) {
	t.Parallel()
	db := openSQLite(t, database.Options{})
	require.NoError(t, db.Exec("CREATE TABLE t (x integer)").Error)
	require.NoError(t, db.Exec("PRAGMA query_only = on").Error)
	require.NotErrorIs(t, db.Exec("INSERT INTO nowhere VALUES (1)").Error, database.ErrUnavailable)
	var failed error
	for range 10 { // the pragma holds for one connection of the pool
		failed = errors.Join(failed, db.Exec("INSERT INTO t VALUES (1)").Error)
	}
	require.ErrorIs(t, failed, database.ErrUnavailable)
}

func TestErrUnavailable_IsALockThatLastsUntilTheDeadline(t *testing.T) {
	t.Parallel()
	eachDBWithThings(t, func(t *testing.T, db *gorm.DB) {
		require.NoError(t, db.Create(&thing{ID: 1, Name: "one"}).Error)
		holder := db.Begin()
		defer holder.Rollback()
		require.NoError(t, holder.Exec("UPDATE things SET name = 'two'").Error)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := db.WithContext(ctx).Model(&thing{}).Where("id = 1").Update("name", "three").Error
		require.ErrorIs(t, err, database.ErrUnavailable)
	})
}

func TestErrUnavailable_IsAClosedPool(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		require.NoError(t, database.Close(db))
		require.ErrorIs(t, db.Exec("SELECT 1").Error, database.ErrUnavailable)
		require.ErrorIs(t, db.Transaction(func(*gorm.DB) error { return nil }), database.ErrUnavailable)
	})
}

func TestProbe(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		probe, err := database.NewProbe(db)
		require.NoError(t, err)
		defer probe.Close()
		require.NoError(t, probe.Check(t.Context()))
		require.NoError(t, database.Close(db))
		require.NoError(t, probe.Check(t.Context()), "its connection is its own")
		ctx, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		require.ErrorIs(t, probe.Check(ctx), database.ErrUnavailable)
		require.NoError(t, probe.Check(t.Context()))
	})
}

func migrate(t *testing.T, url string) {
	t.Helper()
	migrator, err := database.NewMigrator(url, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	_, err = migrator.Up(t.Context())
	require.NoError(t, errors.Join(err, migrator.Close()))
}

func TestProbe_NoticesThatTheFileIsGone(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	migrate(t, url)
	db := testkit.OpenAt(t, url)
	probe, err := database.NewProbe(db)
	require.NoError(t, err)
	defer probe.Close()
	require.NoError(t, probe.Check(t.Context()))
	path := url[len("sqlite:"):]
	require.NoError(t, os.Rename(path, path+".old"))
	require.ErrorIs(t, probe.Check(t.Context()), database.ErrUnavailable)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.ErrorContains(t, probe.Check(t.Context()), path)
	require.NoError(t, os.Rename(path+".old", path))
	require.NoError(t, probe.Check(t.Context()))
	_, err = os.Stat(path + ".old")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A statement succeeds just in time, and its commit comes too late.
func TestErrUnavailable_IsADeadlineBeforeTheCommit(t *testing.T) {
	t.Parallel()
	eachDBWithThings(t, func(t *testing.T, db *gorm.DB) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		require.NoError(t, db.Callback().Create().Before("gorm:commit_or_rollback_transaction").Register("wait", func(db *gorm.DB) {
			<-db.Statement.ConnPool.(interface{ Context() context.Context }).Context().Done()
		}))
		err := db.WithContext(ctx).Create(&thing{ID: 1, Name: "one"}).Error
		require.NoError(t, db.Callback().Create().Remove("wait"))
		require.ErrorIs(t, err, database.ErrUnavailable)
		require.ErrorIs(t, db.Take(&thing{}, "id = 1").Error, gorm.ErrRecordNotFound)
		pool, err := db.DB()
		require.NoError(t, err)
		require.Eventually(t, func() bool { return pool.Stats().InUse == 0 }, testkit.Patience, time.Millisecond, "no connection leaks")
	})
}

func TestErrUnavailable_IsAConnectionThatPostgreSQLRefuses(t *testing.T) {
	t.Parallel()
	cluster := testkit.Cluster(t)
	url, err := cluster.CreateDatabase(t.Context())
	require.NoError(t, err)
	db, admin := testkit.OpenAt(t, url), testkit.OpenAt(t, cluster.URL("postgres"))
	var name string
	require.NoError(t, db.Raw("SELECT current_database()").Scan(&name).Error)
	require.NoError(t, admin.Exec(`ALTER DATABASE "`+name+`" ALLOW_CONNECTIONS false`).Error)
	require.NoError(t, admin.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ?", name).Error)
	require.ErrorIs(t, db.Exec("SELECT 1").Error, database.ErrUnavailable) // or this finds the connection that was ended
	err = db.Exec("SELECT 1").Error
	require.ErrorIs(t, err, database.ErrUnavailable)
	require.ErrorContains(t, err, "not currently accepting connections", "the cause, and not only its code")
	require.NoError(t, admin.Exec(`ALTER DATABASE "`+name+`" ALLOW_CONNECTIONS true`).Error)
	require.NoError(t, db.Exec("SELECT 1").Error)
}

func TestOpen_LogsOutagesOnceAMinute(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	db := openSQLite(t, database.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, db.Exec("CREATE TABLE t (x integer)").Error)
	holder := db.Begin()
	require.NoError(t, holder.Exec("INSERT INTO t VALUES (1)").Error)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		require.ErrorIs(t, db.WithContext(ctx).Transaction(func(*gorm.DB) error { return nil }), database.ErrUnavailable)
		cancel()
	}
	require.NoError(t, holder.Rollback().Error)
	require.NoError(t, database.Close(db))
	for range 3 {
		require.ErrorIs(t, db.Exec("INSERT INTO t VALUES (1)").Error, database.ErrUnavailable)
	}
	require.Equal(t, 1, strings.Count(log.String(), "level=WARN msg=\"database: a request waited too long for storage"))
	require.Equal(t, 1, strings.Count(log.String(), "level=ERROR msg=\"database: storage is not available"))
	require.Equal(t, 2, strings.Count(log.String(), "\n"), log.String())
}

// The first of two hosts takes connections, and says nothing.
func TestProbe_ReachesTheSecondHostInTime(t *testing.T) {
	t.Parallel()
	url := testkit.MigratedURL(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	parsed, err := neturl.Parse(url)
	require.NoError(t, err)
	parsed.Host = silent.Addr().String() + "," + parsed.Host
	db, err := database.Open(parsed.String(), database.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close(db)) })
	probe, err := database.NewProbe(db)
	require.NoError(t, err)
	defer probe.Close()
	began := time.Now()
	require.NoError(t, probe.Check(t.Context()))
	require.Less(t, time.Since(began), 2*time.Second, "a host that says nothing is left after half a second")
}
