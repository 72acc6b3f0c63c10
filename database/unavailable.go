package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/ncruces/go-sqlite3"
	"golang.org/x/time/rate"
)

// ErrUnavailable is every error of a database that can't do now what it could do another time: it is away, starting, read-only,
// out of connections or storage, locked for too long, or slower than the deadline of a request. A statement that failed with it
// may be repeated. Of a commit it says nothing: the transaction may have been committed or not, but never in part.
var ErrUnavailable = errors.New("the database is not available")

// unavailableError is an ErrUnavailable with its cause.
type unavailableError struct{ cause error }

func (e *unavailableError) Error() string { return ErrUnavailable.Error() + ": " + e.cause.Error() }

func (e *unavailableError) Unwrap() error { return e.cause }

// Is makes the error an ErrUnavailable.
func (e *unavailableError) Is(target error) bool { return target == ErrUnavailable }

// withAvailability returns err as an ErrUnavailable if it is one, and else as it is.
func withAvailability(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) || !isUnavailable(err) {
		return err
	}
	return &unavailableError{err}
}

// complaints says in the log that a database is not available, once a minute instead of once an error.
type complaints struct {
	log       *slog.Logger
	sometimes rate.Sometimes
}

func newComplaints(log *slog.Logger) *complaints {
	return &complaints{log: log, sometimes: rate.Sometimes{Interval: time.Minute}}
}

// translate is withAvailability, and complains.
func (c *complaints) translate(err error) error {
	err = withAvailability(err)
	if errors.Is(err, ErrUnavailable) {
		c.sometimes.Do(func() {
			c.log.Error("database: storage is not available; requests that need it get a 503", "error", err,
				"said_again_after", c.sometimes.Interval.String())
		})
	}
	return err
}

func isUnavailable(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || isConnectionLost(err) || hasState(err, unavailableStates()) ||
		isSQLiteUnavailable(err)
}

// isConnectionLost reports whether a connection to the database ended, or could not be made.
func isConnectionLost(err error) bool {
	var network *net.OpError
	var connecting *pgconn.ConnectError
	return pgconn.SafeToRetry(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &network) ||
		errors.As(err, &connecting) || strings.Contains(err.Error(), "sql: database is closed") || hasState(err, connectionStates())
}

// connectionStates are the SQLSTATEs with which PostgreSQL ends a connection, or says that this one is of no use.
func connectionStates() []string {
	return []string{
		"08",                      // connection exceptions
		"57P01", "57P02", "57P03", // shutting down, crashed, starting up
		"25006", // read-only: a standby, or a primary that became one
	}
}

// unavailableStates are the SQLSTATEs, or their classes, of what may succeed at another time.
func unavailableStates() []string {
	return []string{
		"40001", "40P01", // serialization failure, deadlock
		"53",             // out of connections, of memory, of disk
		"55P03", "57014", // a lock was not available in time, a statement took too long
		"57P05", "25P03", "25P04", // idle session, idle in a transaction, transaction took too long
		"58030", // input or output failed
	}
}

func hasState(err error, states []string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) &&
		slices.ContainsFunc(states, func(state string) bool { return strings.HasPrefix(refused.Code, state) })
}

// isSQLiteUnavailable reports whether SQLite waited too long for a lock, or its file system refused something. A full disk can
// show as any of the latter.
func isSQLiteUnavailable(err error) bool {
	var code sqlite3.ErrorCode
	if !errors.As(err, &code) {
		return false
	}
	return slices.Contains([]sqlite3.ErrorCode{
		sqlite3.BUSY, sqlite3.LOCKED, sqlite3.IOERR, sqlite3.FULL, sqlite3.CANTOPEN, sqlite3.READONLY, sqlite3.PROTOCOL,
	}, code)
}
