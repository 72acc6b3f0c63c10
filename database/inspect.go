package database

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/ncruces/go-sqlite3/driver"
	"gorm.io/gorm"
)

var (
	// ErrNoBackup means that a file is neither an SQLite database nor a dump of PostgreSQL.
	ErrNoBackup = errors.New("it is neither an SQLite database nor a dump of PostgreSQL")
	// ErrIncomplete means that the last writes of an SQLite database are not in its file.
	ErrIncomplete = errors.New("its last writes are not in it, but in the write-ahead log beside it")
)

// BackupDialect returns which database the backup in a file is of: [SQLite], or [Postgres] if it is a dump by pg_dump, of its
// custom format or as SQL. The error is ErrNoBackup for anything else.
func BackupDialect(path string) (dialect string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	start := make([]byte, 64)
	n, err := io.ReadFull(file, start)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", err
	}
	switch start = start[:n]; {
	case bytes.HasPrefix(start, []byte("SQLite format 3\x00")): // https://sqlite.org/fileformat.html, section 1.3
		return SQLite, nil
	case bytes.HasPrefix(start, []byte("PGDMP")), bytes.HasPrefix(start, []byte("--\n-- PostgreSQL database")):
		return Postgres, nil
	default:
		return "", ErrNoBackup
	}
}

// OpenBackup opens an SQLite file that nothing else uses, for reading: it changes neither the file nor its folder. The error is
// ErrIncomplete for a file that was copied from under a running service.
func OpenBackup(path string) (*gorm.DB, error) {
	pool, err := openImmutable(path)
	if err != nil {
		return nil, err
	}
	silent := slog.New(slog.DiscardHandler)
	db, err := gorm.Open(newSQLiteDialector(pool, "sqlite:"+path, newOutageLog(silent)), gormConfig(silent))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the backup: %w", err), pool.Close())
	}
	return db, nil
}

// openImmutable opens a file as [OpenBackup] does.
func openImmutable(path string) (*sql.DB, error) {
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return nil, fmt.Errorf("%s: %w", path, ErrIncomplete)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return driver.Open(sqliteURI(abs, url.Values{
		"mode": {"ro"}, "immutable": {"1"}, "_txlock": {"deferred"}, "_pragma": {"query_only(on)"},
	}))
}

// Faults returns what SQLite finds wrong with a database, one line each and at most 10: damaged pages and indexes, and rows whose
// parent is missing. A sound one has none.
func Faults(ctx context.Context, db *gorm.DB) ([]string, error) {
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	faults, err := integrityFaults(ctx, pool)
	if err != nil || len(faults) > 0 {
		return faults, err // the rows of a damaged file prove nothing
	}
	var orphans []struct{ Table, Parent string }
	err = db.WithContext(ctx).Raw(`SELECT "table", parent FROM pragma_foreign_key_check LIMIT 10`).Scan(&orphans).Error
	for _, row := range orphans {
		faults = append(faults, fmt.Sprintf("a row of %s refers to a row of %s that does not exist", row.Table, row.Parent))
	}
	return faults, err
}

func integrityFaults(ctx context.Context, pool *sql.DB) (faults []string, err error) {
	rows, err := pool.QueryContext(ctx, "PRAGMA integrity_check(10)")
	if err != nil {
		return nil, fmt.Errorf("checking the integrity: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		if line != "ok" {
			faults = append(faults, line)
		}
	}
	return faults, rows.Err()
}

// Version returns the number of the newest migration that an SQLite database has, 0 if it was never migrated.
func Version(ctx context.Context, db *gorm.DB) (int64, error) {
	pool, err := db.DB()
	if err != nil {
		return 0, err
	}
	return newestVersion(ctx, pool)
}

func newestVersion(ctx context.Context, pool *sql.DB) (int64, error) {
	versions, err := appliedVersions(ctx, pool, SQLite)
	if err != nil || len(versions) == 0 {
		return 0, err
	}
	return slices.Max(versions), nil
}
