package database

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/gormlite"
	"gorm.io/gorm"
)

// storedTime is the format in which times are stored: RFC 3339 in UTC with all six digits, so that texts sort like times.
const storedTime = "2006-01-02T15:04:05.000000Z"

// sqliteDialector is gormlite's dialector, on connections that store every time in the same format.
type sqliteDialector struct {
	gormliteDialector
	url     string
	outages *outageLog
}

// openAgain opens another pool on the same file.
func (d sqliteDialector) openAgain() (*sql.DB, error) { return openSQLite(d.url) }

// gormliteDialector has the methods of gormlite's dialector, whose type is not exported.
type gormliteDialector interface {
	gorm.Dialector
	gorm.ErrorTranslator
	gorm.SavePointerDialectorInterface
}

func newSQLiteDialector(pool *sql.DB, url string, outages *outageLog) gorm.Dialector {
	conns := sqlitePool{sqliteConns{pool, pool}}
	return sqliteDialector{gormlite.OpenDB(conns).(gormliteDialector), url, outages}
}

// Explain returns the statement without its values. GORM's logger options leave them in after a Scan.
func (sqliteDialector) Explain(sql string, _ ...any) string { return sql }

// Translate returns GORM's error for one of SQLite's where there is one, or an ErrUnavailable. Only the end of its context
// interrupts a query.
func (d sqliteDialector) Translate(err error) error {
	if errors.Is(err, sqlite3.INTERRUPT) {
		return context.Canceled
	}
	return d.outages.translate(d.gormliteDialector.Translate(err))
}

// sqliteConns runs GORM's statements on the pool or in a transaction, with every time in storedTime's format. The driver
// itself keeps a time's zone and drops trailing zeros, so SQLite, to which a time is a text, would sort 10:00+02:00 after
// 09:00Z and 05Z after 05.5Z. Prepared statements bypass it: GORM's PrepareStmt must stay off.
type sqliteConns struct {
	gorm.ConnPool
	pool *sql.DB
}

func (c sqliteConns) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	result, err := c.ConnPool.ExecContext(ctx, query, withStoredTimes(args)...)
	return result, endOf(ctx, err)
}

func (c sqliteConns) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := c.ConnPool.QueryContext(ctx, query, withStoredTimes(args)...)
	return rows, endOf(ctx, err)
}

func (c sqliteConns) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.ConnPool.QueryRowContext(ctx, query, withStoredTimes(args)...)
}

// GetDBConn returns the pool, for [gorm.DB.DB].
func (c sqliteConns) GetDBConn() (*sql.DB, error) { return c.pool, nil }

type sqlitePool struct{ sqliteConns }

type sqliteTx struct {
	sqliteConns
	tx  *sql.Tx
	ctx context.Context
}

// Commit commits the transaction. At the end of its context database/sql has rolled it back.
func (t *sqliteTx) Commit() error {
	err := t.tx.Commit()
	if errors.Is(err, sql.ErrTxDone) {
		return cmp.Or(t.ctx.Err(), err)
	}
	return err
}

// Rollback rolls the transaction back. Its error would hide the one that led to it; database/sql then closes the connection, with
// the same effect.
func (t *sqliteTx) Rollback() error {
	_ = t.tx.Rollback()
	return nil
}

// Context returns the context with which code that takes part in the transaction runs its statements.
func (t *sqliteTx) Context() context.Context { return t.ctx }

// Tx returns the transaction itself, for code that takes part in it without GORM.
func (t *sqliteTx) Tx() *sql.Tx { return t.tx }

// Ping returns an error if the file can't be opened.
func (p sqlitePool) Ping() error { return p.pool.Ping() }

// BeginTx begins a transaction that stores times in the same format.
func (p sqlitePool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := p.pool.BeginTx(ctx, opts)
	if err != nil {
		return nil, endOf(ctx, err)
	}
	return &sqliteTx{sqliteConns{tx, p.pool}, tx, ctx}, nil
}

// endOf returns the context's error for a statement that failed because its context ended. The driver then stops waiting for
// the lock and says that the database is locked, as it does after the busy timeout, or that the statement was interrupted.
func endOf(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && (errors.Is(err, sqlite3.BUSY) || errors.Is(err, sqlite3.INTERRUPT)) {
		return ctx.Err()
	}
	return err
}

func withStoredTimes(args []any) []any {
	stored := make([]any, len(args))
	for i, arg := range args {
		stored[i] = arg
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if t, ok := value.(time.Time); ok && err == nil {
			stored[i] = t.UTC().Format(storedTime)
		}
	}
	return stored
}
