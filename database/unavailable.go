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
// out of connections or storage, locked for too long, or slower than the deadline of a request. A read that failed with it may be
// repeated. A write may have been done or not, but never in part: also a single statement contains its commit.
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

// outageLog says in the log that a database is not available, once a minute instead of once an error. That it is only busy, with
// locks, deadlocks or slow statements, is another line, so that neither hides the other.
type outageLog struct {
	log        *slog.Logger
	away, busy rate.Sometimes
}

func newOutageLog(log *slog.Logger) *outageLog {
	return &outageLog{log: log, away: rate.Sometimes{Interval: time.Minute}, busy: rate.Sometimes{Interval: time.Minute}}
}

// translate is withAvailability, and logs.
func (o *outageLog) translate(err error) error {
	err = withAvailability(err)
	const again = "further lines like this one are left out for a minute"
	switch {
	case !errors.Is(err, ErrUnavailable):
	case isBusy(err):
		o.busy.Do(func() {
			o.log.Warn("database: a request waited too long for storage, and gets a 503", "error", err, "note", again)
		})
	default:
		o.away.Do(func() {
			o.log.Error("database: storage is not available; requests that need it get a 503", "error", err, "note", again)
		})
	}
	return err
}

// isBusy reports whether an ErrUnavailable says of a database that others use it, rather than that nobody can.
func isBusy(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sqlite3.BUSY) || errors.Is(err, sqlite3.LOCKED) ||
		hasState(err, []string{"40001", "40P01", "55P03", "57014"})
}

func isUnavailable(err error) bool {
	if errors.Is(err, context.Canceled) { // by a client, while a connection was made for it
		return false
	}
	return errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || isConnectionLost(err) ||
		hasState(err, unavailableStates()) || isSQLiteUnavailable(err)
}

// isConnectionLost reports whether a connection to the database ended, or could not be made.
func isConnectionLost(err error) bool {
	var network *net.OpError
	var connecting *pgconn.ConnectError
	return pgconn.SafeToRetry(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &network) || errors.As(err, &connecting) || strings.Contains(err.Error(), "sql: database is closed") ||
		hasState(err, connectionStates())
}

// readOnly is the SQLSTATE of a write to a standby, or to a primary that is read-only for now.
const readOnly = "25006"

// connectionStates are the SQLSTATEs with which PostgreSQL ends a connection, or says that this one is of no use.
func connectionStates() []string {
	return []string{
		"08",                      // connection exceptions
		"57P01", "57P02", "57P03", // shutting down, crashed, starting up
		readOnly,
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
