package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/ncruces/go-sqlite3/gormlite"
	"gorm.io/gorm"
)

// storedTime is how a time is stored: RFC 3339 in UTC with all six digits, so that texts compare as their times do.
const storedTime = "2006-01-02T15:04:05.000000Z"

// sqliteDialector is gormlite's, over connections that store every time alike.
type sqliteDialector struct{ gormliteDialector }

// gormliteDialector is what gormlite's type, which has no name outside, can do.
type gormliteDialector interface {
	gorm.Dialector
	gorm.ErrorTranslator
	gorm.SavePointerDialectorInterface
}

func newSQLiteDialector(pool *sql.DB) gorm.Dialector {
	conns := sqlitePool{sqliteConns{pool, pool}}
	return sqliteDialector{gormlite.OpenDB(conns).(gormliteDialector)}
}

// Explain is the statement without its values. GORM's logger options leave them in after a Scan.
func (sqliteDialector) Explain(sql string, _ ...any) string { return sql }

// sqliteConns runs GORM's statements on the pool or in a transaction. The driver by itself keeps a time's zone and
// drops its trailing zeros, and so SQLite, to which a time is a text, would order 10:00+02:00 after 09:00Z and 05Z
// after 05.5Z. Prepared statements go past it: GORM's PrepareStmt has to stay off.
type sqliteConns struct {
	gorm.ConnPool
	pool *sql.DB
}

func (c sqliteConns) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return c.ConnPool.ExecContext(ctx, query, withStoredTimes(args)...)
}

func (c sqliteConns) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.ConnPool.QueryContext(ctx, query, withStoredTimes(args)...)
}

func (c sqliteConns) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.ConnPool.QueryRowContext(ctx, query, withStoredTimes(args)...)
}

// GetDBConn is what [gorm.DB.DB] returns.
func (c sqliteConns) GetDBConn() (*sql.DB, error) { return c.pool, nil }

type sqlitePool struct{ sqliteConns }

type sqliteTx struct {
	sqliteConns
	tx *sql.Tx
}

// Commit ends the transaction and keeps what it did.
func (t *sqliteTx) Commit() error { return t.tx.Commit() }

// Rollback ends the transaction as if it had not been.
func (t *sqliteTx) Rollback() error { return t.tx.Rollback() }

// Tx is the transaction itself, for what works in it without GORM.
func (t *sqliteTx) Tx() *sql.Tx { return t.tx }

// Ping checks that the file opens.
func (p sqlitePool) Ping() error { return p.pool.Ping() }

// BeginTx begins a transaction that stores times likewise.
func (p sqlitePool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := p.pool.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &sqliteTx{sqliteConns{tx, p.pool}, tx}, nil
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
