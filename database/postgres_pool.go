package database

import (
	"cmp"
	"context"
	"database/sql"
	"strings"

	"gorm.io/gorm"
)

// postgresPool runs GORM's statements so that the end of a context never reaches a commit. PostgreSQL stops waiting for its
// standby when a commit is cancelled, and then shows what a failover would lose. A statement that is cancelled before the commit
// leaves nothing behind.
type postgresPool struct{ *sql.DB }

// GetDBConn returns the pool, for [gorm.DB.DB].
func (p postgresPool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

// BeginTx begins a transaction, which ctx can end until its commit begins.
func (p postgresPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	return p.begin(ctx, opts)
}

// begin begins a transaction on a context of its own, because the driver commits with the one that it begins with.
func (p postgresPool) begin(ctx context.Context, opts *sql.TxOptions) (*postgresTx, error) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	beginning := context.AfterFunc(ctx, cancel)
	tx, err := p.DB.BeginTx(own, opts)
	if !beginning() || err != nil { // cancelled, which rolls the transaction back, or not begun
		cancel()
		return nil, cmp.Or(ctx.Err(), err)
	}
	until, stop := untilDeadline(ctx)
	return &postgresTx{tx: tx, ctx: until, stop: stop, cancel: cancel}, nil
}

// untilDeadline returns the context of a request without its client, whose leaving ends no transaction. A context without a
// deadline is that of a command, which a person may interrupt.
func untilDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, isRequest := ctx.Deadline()
	if !isRequest {
		return ctx, func() {}
	}
	return context.WithDeadline(context.WithoutCancel(ctx), deadline)
}

// ExecContext runs one statement in a transaction.
func (p postgresPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	tx, err := p.begin(ctx, nil)
	if err != nil {
		return nil, err
	}
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return result, tx.Commit()
}

// QueryContext runs a query, and runs it again if it only reads and its connection was lost.
func (p postgresPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if !onlyReads(query) {
		return p.DB.QueryContext(context.WithoutCancel(ctx), query, args...)
	}
	rows, err := p.DB.QueryContext(ctx, query, args...)
	if err != nil && ctx.Err() == nil && isConnectionLost(err) {
		return p.DB.QueryContext(ctx, query, args...)
	}
	return rows, err
}

// QueryRowContext is QueryContext for a single row.
func (p postgresPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if !onlyReads(query) {
		return p.DB.QueryRowContext(context.WithoutCancel(ctx), query, args...)
	}
	row := p.DB.QueryRowContext(ctx, query, args...)
	if err := row.Err(); err != nil && ctx.Err() == nil && isConnectionLost(err) {
		return p.DB.QueryRowContext(ctx, query, args...)
	}
	return row
}

// onlyReads reports whether repeating a query changes nothing. A lock that it takes outside a transaction ends with it.
func onlyReads(query string) bool {
	const verb = "SELECT"
	query = strings.TrimSpace(query)
	return len(query) > len(verb) && strings.EqualFold(query[:len(verb)], verb)
}

// postgresTx is a transaction whose statements, and the wait for whose commit, end with a context. The commit itself does not.
type postgresTx struct {
	tx        *sql.Tx
	ctx       context.Context
	stop      context.CancelFunc // of ctx
	cancel    context.CancelFunc // of the driver's context
	committed bool
}

// Tx returns the transaction itself, for code that takes part in it without GORM.
func (t *postgresTx) Tx() *sql.Tx { return t.tx }

// PrepareContext prepares a statement in the transaction; it and the next three methods make the transaction a [gorm.ConnPool].
func (t *postgresTx) PrepareContext(_ context.Context, query string) (*sql.Stmt, error) {
	return t.tx.PrepareContext(t.ctx, query)
}

func (t *postgresTx) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(t.ctx, query, args...)
}

func (t *postgresTx) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(t.ctx, query, args...)
}

func (t *postgresTx) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(t.ctx, query, args...)
}

// Commit commits the transaction. If the deadline passes first, the commit continues without its caller, and its outcome is
// unknown to them.
func (t *postgresTx) Commit() error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	t.committed = true
	defer t.stop()
	done := make(chan error, 1)
	go func() {
		done <- t.tx.Commit()
		t.cancel()
	}()
	select {
	case err := <-done:
		return err
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
}

// Rollback rolls the transaction back, unless its commit has begun. At the deadline, and if it fails, the driver closes the
// connection instead, with the same effect.
func (t *postgresTx) Rollback() error {
	if t.committed {
		return sql.ErrTxDone
	}
	defer t.stop()
	defer t.cancel()
	defer context.AfterFunc(t.ctx, t.cancel)()
	_ = t.tx.Rollback() // its error would hide the one that led to it
	return nil
}
