package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// ErrInUse means that a process has the database open.
var ErrInUse = errors.New("the database is in use")

// Restore replaces the SQLite database at url by the backup in the file from, and keeps the former one as the file kept. The
// backup stays where it is. From the moment at which the database changes to the moment at which it is the backup there is no
// gap. Restore reports whether there was a former database. The error is ErrInUse, and nothing is changed, if a process has the
// database open. It calls report as [Backup] does.
func Restore(ctx context.Context, url, from, kept string, report func(share float64)) (wasThere bool, err error) {
	path, err := sqlitePath(url)
	if err != nil {
		return false, err
	}
	source, err := openImmutable(from)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	release, err := takeOver(ctx, path)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, release()) }()
	partial, err := duplicate(ctx, source, filepath.Dir(path), report)
	if err != nil {
		return false, err
	}
	if wasThere, err = keep(path, kept); err != nil {
		discard(partial)
		return wasThere, err
	}
	return wasThere, publish(partial, path)
}

// takeOver locks the database at path until release. First it moves the contents of the write-ahead log, where there is one, into
// the file, which SQLite allows only to the one process that has it open. A damaged database can't be locked so, and needs no
// lock: no process can work with it.
func takeOver(ctx context.Context, path string) (release func() error, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return func() error { return nil }, nil
	}
	pool, err := driver.Open(sqliteURI(path, url.Values{"_pragma": {"busy_timeout(0)"}}))
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(ctx)
	release = func() error {
		if conn != nil {
			_ = conn.Close() // its transaction changed nothing
		}
		return pool.Close()
	}
	if err == nil {
		err = lockOut(ctx, conn)
	}
	if err = inUse(err); err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

func lockOut(ctx context.Context, conn *sql.Conn) error {
	for _, statement := range []string{"PRAGMA journal_mode = delete", "PRAGMA locking_mode = exclusive", "BEGIN EXCLUSIVE"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// inUse returns ErrInUse if err says that another process has a lock, and nil if it says that the file is damaged.
func inUse(err error) error {
	switch {
	case errors.Is(err, sqlite3.BUSY), errors.Is(err, sqlite3.LOCKED):
		return ErrInUse
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB):
		return nil
	default:
		return err
	}
}

// keep gives the database at path a second name, so that it stays when another file takes the first one. A write-ahead log that a
// damaged database left would spoil the backup, and goes with it.
func keep(path, kept string) (wasThere bool, err error) {
	err = os.Link(path, kept)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, fs.ErrExist):
		return true, fmt.Errorf("%s exists already", kept)
	case err != nil: // a file system without links
		err = os.Rename(path, kept)
	}
	if err != nil {
		return true, fmt.Errorf("keeping the former database: %w", err)
	}
	if err := os.Rename(path+"-wal", kept+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true, err
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true, err
	}
	return true, nil
}
