// Package jobs owns the background work: jobs that are queued in the transaction that causes them, retried until they
// succeed, and shared by all replicas. It is River on the service's own database. It knows neither the content of a mail
// nor how it is delivered.
package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// Mail is a job that sends one message to one user. It holds only ids, so that reading the queue's table reveals nothing
// that can be used. Message is the name of the message; About is the id of the row that the message is about, such as a
// one-time token or a session, or [uuid.Nil].
type Mail struct {
	Message string    `json:"message"`
	UserID  uuid.UUID `json:"user_id"`
	About   uuid.UUID `json:"about"`
	Attempt int       `json:"-"` // to send it, counted from 1; set only while it is sent
}

// Kind returns the name under which River stores these jobs.
func (Mail) Kind() string { return "mail" }

// cleanup is a job that runs one of the periodic cleanups once.
type cleanup struct {
	Name string `json:"name"`
}

// Kind returns the name under which River stores these jobs. It stays as it is, because databases contain such rows.
func (cleanup) Kind() string { return "sweep" }

// InsertOpts allows a single attempt, because the next run is due within the hour, and one job per name and hour.
func (cleanup) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: cleanupInterval}}
}

// Options configures a Queue. Every field is required.
type Options struct {
	DB      *sql.DB // a pool of connections to a database with the current schema
	Dialect string  // "sqlite" or "postgres"
	Log     *slog.Logger
	Now     func() time.Time
}

// Queue stores jobs until they have run. It is safe for concurrent use, by any number of replicas.
type Queue struct {
	driver riverdriver.Driver[*sql.Tx]
	client *river.Client[*sql.Tx] // adds and lists jobs, and runs none
	db     *sql.DB
	oldest string // the expression for the earliest created_at, in seconds since 1970
	log    *slog.Logger
	said   sync.Map // what River has said, by its clients alike
	now    func() time.Time
}

// NewQueue returns a queue that runs no jobs before Start. It fails on an unknown dialect.
func NewQueue(options Options) (*Queue, error) {
	q := &Queue{db: options.DB, log: options.Log, now: options.Now}
	switch options.Dialect {
	case "sqlite":
		q.driver, q.oldest = riversqlite.New(options.DB), "unixepoch(min(created_at))"
	case "postgres":
		q.driver, q.oldest = riverdatabasesql.New(options.DB), "floor(extract(epoch FROM min(created_at)))::bigint"
	default:
		return nil, fmt.Errorf("the job queue does not support the database dialect %q", options.Dialect)
	}
	var err error
	q.client, err = river.NewClient(q.driver, &river.Config{Logger: q.riverLog(), Test: river.TestConfig{Time: clock{q.now}}})
	return q, err
}

func (q *Queue) riverLog() *slog.Logger { return slog.New(warnings{q.log.Handler(), &q.said}) }

// Add queues a mail in tx: it is sent if tx commits, and only then.
func (q *Queue) Add(ctx context.Context, tx *sql.Tx, mail Mail) error {
	_, err := q.client.InsertTx(ctx, tx, mail, &river.InsertOpts{MaxAttempts: maxAttempts()})
	if err != nil {
		return fmt.Errorf("queue a mail: %w", err)
	}
	return nil
}

// clock makes River use the service's clock.
type clock struct{ now func() time.Time }

func (c clock) Now() time.Time { return c.now() }

func (c clock) NowOrNil() *time.Time {
	now := c.now().UTC()
	return &now
}
