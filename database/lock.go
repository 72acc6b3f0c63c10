package database

import (
	"context"
	"database/sql"
	"errors"
	"net/url"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/pressly/goose/v3/lock"
)

// newLocker returns the lock under which one process migrates while others wait: an advisory lock of PostgreSQL, or a lock
// file beside SQLite's.
func newLocker(dialect, rawURL string) (lock.SessionLocker, error) {
	if dialect == Postgres {
		const everySecond, fiveMinutes = 1, 300
		return lock.NewPostgresSessionLocker(lock.WithLockTimeout(everySecond, fiveMinutes))
	}
	path, err := sqlitePath(rawURL)
	if err != nil {
		return nil, err
	}
	return &sqliteLocker{path: path + "-lock"}, nil
}

// sqliteLocker is an exclusive transaction on an empty SQLite file of its own, since a session can't lock the database that
// it migrates. SQLite's locks work alike on every system, and end with their process. The file is never removed: removing
// one that others wait for would let two of them in.
type sqliteLocker struct {
	path string
	pool *sql.DB
	tx   *sql.Tx
}

// SessionLock takes the lock, for which it waits up to five minutes.
func (l *sqliteLocker) SessionLock(ctx context.Context, _ *sql.Conn) error {
	if err := createPrivate(l.path); err != nil {
		return err
	}
	options := url.Values{"_txlock": {"exclusive"}, "_pragma": {"busy_timeout(300000)", "journal_mode(memory)"}}
	pool, err := driver.Open(sqliteURI(l.path, options))
	if err != nil {
		return err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return errors.Join(err, pool.Close())
	}
	l.pool, l.tx = pool, tx
	return nil
}

// SessionUnlock releases the lock, so that the next process can migrate.
func (l *sqliteLocker) SessionUnlock(context.Context, *sql.Conn) error {
	return errors.Join(l.tx.Rollback(), l.pool.Close())
}
