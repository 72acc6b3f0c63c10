package database_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
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
