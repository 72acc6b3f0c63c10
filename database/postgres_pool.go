package database

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"

	"gorm.io/gorm"
)

// postgresPool runs GORM's statements so that the end of a context never reaches a commit. PostgreSQL stops waiting for its
// standby when a commit is cancelled, and then shows what a failover would lose. A statement that is cancelled before the commit
// leaves nothing behind.
type postgresPool struct {
	*sql.DB
	log *slog.Logger
}

// GetDBConn returns the pool, for [gorm.DB.DB].
func (p postgresPool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

// BeginTx begins a transaction, which ctx can end until its commit begins.
func (p postgresPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := p.begin(ctx, opts)
	if err != nil {
		return nil, err
	}
	return tx, nil
}

// begin begins a transaction on a context of its own, because the driver commits with the one that it begins with.
func (p postgresPool) begin(ctx context.Context, opts *sql.TxOptions) (*postgresTx, error) {
	driverCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stopWatching := context.AfterFunc(ctx, cancel)
	tx, err := p.DB.BeginTx(driverCtx, opts)
	if wasCancelled := !stopWatching(); wasCancelled || err != nil { // cancelled, which rolls the transaction back, or not begun
		cancel()
		return nil, cmp.Or(ctx.Err(), err)
	}
	requestCtx, release := untilDeadline(ctx)
	return &postgresTx{tx: tx, ctx: requestCtx, release: release, cancel: cancel, log: p.log}, nil
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

// errBeginFirst refuses a query that may write outside a transaction: the end of its context would reach its commit.
var errBeginFirst = errors.New("database: outside a transaction only a SELECT can be queried; begin one")

// QueryContext runs a query that only reads, and runs it again if its connection was lost.
func (p postgresPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if !onlyReads(query) {
		return nil, errBeginFirst
	}
	rows, err := p.DB.QueryContext(ctx, query, args...)
	if err != nil && ctx.Err() == nil && isConnectionLost(err) {
		return p.DB.QueryContext(ctx, query, args...)
	}
	return rows, err
}

// QueryRowContext is QueryContext for a single row. It fails for a query that may write with a context that has ended, since a
// row can't have another error.
func (p postgresPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if !onlyReads(query) {
		ended, cancel := context.WithCancelCause(ctx)
		cancel(errBeginFirst)
		return p.DB.QueryRowContext(ended, query, args...)
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

// postgresTx is a transaction whose statements, and the wait for whose commit, end with the context of its request. The commit
// itself does not.
type postgresTx struct {
	tx        *sql.Tx
	ctx       context.Context    // of the request
	release   context.CancelFunc // of ctx
	cancel    context.CancelFunc // of the driver's context
	committed bool
	log       *slog.Logger
}

// Tx returns the transaction itself, for code that takes part in it without GORM.
func (t *postgresTx) Tx() *sql.Tx { return t.tx }

// Context returns the context with which that code runs its statements.
func (t *postgresTx) Context() context.Context { return t.ctx }

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

// Commit commits the transaction. If the deadline passes first, the commit continues without its caller, to whom its outcome is
// unknown, and the log has it.
func (t *postgresTx) Commit() error {
	if err := t.ctx.Err(); err != nil {
		_ = t.Rollback() // GORM's own transactions end with a failed commit
		return err
	}
	t.committed = true
	defer t.release()
	done := make(chan error, 1)
	go func() {
		done <- t.tx.Commit()
		t.cancel()
	}()
	select {
	case err := <-done:
		return err
	case <-t.ctx.Done():
		go t.logLateCommit(done)
		return t.ctx.Err()
	}
}

func (t *postgresTx) logLateCommit(done <-chan error) {
	if err := <-done; err != nil {
		t.log.Error("database: a commit failed after its request had been refused", "error", err)
		return
	}
	t.log.Warn("database: a commit succeeded after its request had been refused; does it wait for a standby?")
}

// Rollback rolls the transaction back, unless its commit has begun. At the deadline, and if it fails, the driver closes the
// connection instead, with the same effect.
func (t *postgresTx) Rollback() error {
	if t.committed {
		return sql.ErrTxDone
	}
	defer t.release()
	defer t.cancel()
	defer context.AfterFunc(t.ctx, t.cancel)()
	_ = t.tx.Rollback() // its error would hide the one that led to it
	return nil
}
