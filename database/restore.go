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
// backup stays where it is. At every moment the database's name leads to the former database or to the whole backup, except on a
// file system without hard links: there it leads nowhere between two renames. The new file belongs to whom the former one, or
// else the folder, belongs to, as far as this user may give files away.
//
// Restore reports whether the former database is kept, which it can be though an error is returned. The error is ErrInUse, and
// nothing is changed, if a process has the database open, and ErrIncomplete for a backup that lacks its last writes. It calls
// report as [Backup] does.
func Restore(ctx context.Context, url, from, kept string, report func(share float64)) (isKept bool, err error) {
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
	if err = giveOwner(partial, path); err == nil {
		isKept, err = keep(path, kept)
	}
	if err != nil {
		discard(partial)
		return isKept, err
	}
	return isKept, publish(partial, path)
}

// takeOver locks the database at path until release. First it moves the contents of the write-ahead log, where there is one, into
// the file, which SQLite allows only to the one process that has it open. A damaged database can't be locked so, and is replaced
// without a lock: a process that has it open still goes on with the former file, whatever its name is then.
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

// keep gives the database at path a second name, so that it stays when another file takes the first one, and reports whether
// there was one. The logs of a database that is damaged or gone go with it: SQLite would apply them to the backup.
func keep(path, kept string) (isKept bool, err error) {
	err = os.Link(path, kept)
	isMissing := errors.Is(err, fs.ErrNotExist)
	switch {
	case errors.Is(err, fs.ErrExist):
		return false, fmt.Errorf("%s exists already", kept)
	case err != nil && !isMissing: // a file system without links
		if err := os.Rename(path, kept); err != nil {
			return false, fmt.Errorf("keeping the former database: %w", err)
		}
	}
	for _, suffix := range []string{"-wal", "-journal"} {
		if err := os.Rename(path+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return !isMissing, fmt.Errorf("keeping a log of the former database: %w", err)
		}
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return !isMissing, err
	}
	return !isMissing, nil
}
