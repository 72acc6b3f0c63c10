// Package jobs owns the work that outlives a request: what is queued in the transaction that asks for it, tried until it
// succeeds, and shared by all replicas. It is River on the service's own database. It knows neither what a mail says nor
// how it travels.
package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// Mail asks for one message to one user. It holds ids alone, so that nobody who reads the queue's table can use what he
// finds there. Message is the name of the message, and About the row that it is about: a one-time token, a session, or
// none.
type Mail struct {
	Message string    `json:"message"`
	UserID  uuid.UUID `json:"user_id"`
	About   uuid.UUID `json:"about"`
}

// Kind is what River calls such jobs.
func (Mail) Kind() string { return "mail" }

// sweep asks for one run of a periodic job.
type sweep struct {
	Name string `json:"name"`
}

// Kind is what River calls such jobs.
func (sweep) Kind() string { return "sweep" }

// InsertOpts lets a run fail: the next one is due anyway.
func (sweep) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: sweepInterval}}
}

// Options are where a queue is kept: a pool of the database with the current schema, its dialect ("sqlite" or
// "postgres"), where to log, and the clock.
type Options struct {
	DB      *sql.DB
	Dialect string
	Log     *slog.Logger
	Now     func() time.Time
}

// Queue keeps jobs until they are done. It is safe for concurrent use, by any number of replicas.
type Queue struct {
	driver riverdriver.Driver[*sql.Tx]
	client *river.Client[*sql.Tx] // adds and lists, and works nothing off
	log    *slog.Logger
	now    func() time.Time
}

// NewQueue makes a queue, on which nothing runs before Start.
func NewQueue(options Options) (*Queue, error) {
	q := &Queue{log: options.Log, now: options.Now}
	switch options.Dialect {
	case "sqlite":
		q.driver = riversqlite.New(options.DB)
	case "postgres":
		q.driver = riverdatabasesql.New(options.DB)
	default:
		return nil, fmt.Errorf("no job queue on %s", options.Dialect)
	}
	var err error
	q.client, err = river.NewClient(q.driver, &river.Config{Logger: q.riverLog(), Test: river.TestConfig{Time: clock{q.now}}})
	return q, err
}

func (q *Queue) riverLog() *slog.Logger { return slog.New(warnings{q.log.Handler()}) }

// Add queues a mail in tx: it is sent if that commits, and never if it does not.
func (q *Queue) Add(ctx context.Context, tx *sql.Tx, mail Mail) error {
	_, err := q.client.InsertTx(ctx, tx, mail, &river.InsertOpts{MaxAttempts: maxAttempts()})
	if err != nil {
		return fmt.Errorf("queue a mail: %w", err)
	}
	return nil
}

// clock has River go by the time of the service.
type clock struct{ now func() time.Time }

func (c clock) Now() time.Time { return c.now() }

func (c clock) NowOrNil() *time.Time {
	now := c.now().UTC()
	return &now
}
