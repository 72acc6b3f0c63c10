package models

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"latchkey/jobs"
)

// Store is what every manager works with: the database, the audit log and the clock.
type Store struct {
	db    *gorm.DB
	audit *AuditLog
	now   func() time.Time
}

// NewStore makes the store of managers that keep their tables in db and record their events in audit.
func NewStore(db *gorm.DB, audit *AuditLog, now func() time.Time) Store {
	return Store{db: db, audit: audit, now: now}
}

// DB returns the database for reads and single statements outside a transaction.
func (s Store) DB(ctx context.Context) *gorm.DB { return s.db.WithContext(ctx) }

// Now returns the current time as the database stores it: in UTC, in microseconds.
func (s Store) Now() time.Time { return moment(s.now) }

// Tx is one transaction at one moment: every row that it writes bears Now.
type Tx struct {
	*gorm.DB
	Now   time.Time
	ctx   context.Context
	audit *AuditLog

	recorded *[]AuditEvent // so far
}

// maxRuns is how often a transaction is run in all before the error with which PostgreSQL ended it is returned.
const maxRuns = 4

// givenWay is how long, at least, the other transaction gets to go on before the one that gave way is run again. Without that the
// latter would take back the lock for which the other waits.
const givenWay = 20 * time.Millisecond

// Transaction runs do in a transaction, which commits if do returns nil and rolls back otherwise. It runs do anew if PostgreSQL
// ended the transaction in favour of another, so do must leave nothing behind but in the database. Whatever locks several rows
// of an account takes them in one order, so that this is rare: see [lockUser].
func (s Store) Transaction(ctx context.Context, do func(Tx) error) error {
	for run := 1; ; run++ {
		var recorded []AuditEvent
		err := s.DB(ctx).Transaction(func(db *gorm.DB) error {
			tx := Tx{DB: db, Now: s.Now(), ctx: ctx, audit: s.audit, recorded: &recorded}
			if err := do(tx); err != nil {
				return err
			}
			return tx.fold()
		})
		if err == nil {
			s.audit.committed(ctx, recorded)
			return nil
		}
		if run == maxRuns || !gaveWay(err) || !pause(ctx, time.Duration(run)*givenWay) {
			return err
		}
	}
}

// pause waits for up to twice a time, and reports whether it did so before ctx was done.
func pause(ctx context.Context, least time.Duration) bool {
	select {
	case <-time.After(least + rand.N(least)): //nolint:gosec // it is no secret
		return true
	case <-ctx.Done():
		return false
	}
}

// gaveWay reports whether PostgreSQL ended a transaction so that another could go on: after a serialization failure or a deadlock
// (PostgreSQL, appendix A, class 40). Nothing of it was stored, and the same may succeed at once.
func gaveWay(err error) bool {
	var refused interface{ SQLState() string }
	return errors.As(err, &refused) && (refused.SQLState() == "40001" || refused.SQLState() == "40P01")
}

// savepoint runs do so that the transaction can go on after a failed statement in it, as PostgreSQL refuses to otherwise.
func (tx Tx) savepoint(do func(Tx) error) error {
	recorded := len(*tx.recorded)
	err := tx.DB.Transaction(func(inner *gorm.DB) error {
		nested := tx
		nested.DB = inner
		return do(nested)
	})
	if err != nil {
		*tx.recorded = (*tx.recorded)[:recorded]
	}
	return err
}

// enqueue queues a mail, which is sent if the transaction commits.
func (tx Tx) enqueue(queue *jobs.Queue, mail jobs.Mail) error {
	conn, isBegun := tx.Statement.ConnPool.(interface {
		Tx() *sql.Tx
		Context() context.Context
	})
	if !isBegun {
		return errors.New("queue a mail: not in a transaction")
	}
	return tx.translated(queue.Add(conn.Context(), conn.Tx(), mail))
}

// translated returns an error of what used the transaction without GORM as GORM returns its own.
func (tx Tx) translated(err error) error {
	translator, ok := tx.Dialector.(gorm.ErrorTranslator)
	if err == nil || !ok {
		return err
	}
	return translator.Translate(err)
}

// errLostRace means that another request changed a row between its reading and its update.
var errLostRace = errors.New("another request was quicker")

// Claim returns the error of a conditional update or insert. If that found its row changed, so that it affected none, or
// its key taken, Retry repeats the work.
func Claim(result *gorm.DB) error {
	if errors.Is(result.Error, gorm.ErrDuplicatedKey) || result.Error == nil && result.RowsAffected == 0 {
		return errLostRace
	}
	return result.Error
}

// Retry repeats do until no other request was quicker, and returns its result.
func Retry(do func() error) error {
	for {
		if err := do(); !errors.Is(err, errLostRace) {
			return err
		}
	}
}

// moment is the time at which something is stored, in UTC and no finer than PostgreSQL keeps it.
func moment(now func() time.Time) time.Time {
	return now().UTC().Truncate(time.Microsecond)
}
