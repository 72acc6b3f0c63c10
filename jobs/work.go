package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

const (
	cleanupInterval = time.Hour
	pollInterval    = time.Second
	timeout         = time.Minute     // of one attempt; its context ends then
	rescueAfter     = 2 * time.Minute // after which an attempt counts as lost, because its process must have died
	keepDead        = 30 * 24 * time.Hour
	workers         = 4 // jobs that one replica runs at once
)

// Work holds the functions that run the jobs. Mail sends one mail; if it fails it is retried, unless the error is Permanent.
// An error of Mail is stored with the job, so it must not contain a secret or an address. Cleanups, by name, are each run
// once an hour by one of the replicas; their errors are logged and not stored.
type Work struct {
	Mail     func(ctx context.Context, mail Mail) error
	Cleanups map[string]func(ctx context.Context) error
}

// Permanent marks an error that no retry can fix: the mail is dead at once.
func Permanent(err error) error { return river.JobCancel(err) }

func isPermanent(err error) bool {
	var cancelled *river.JobCancelError
	return errors.As(err, &cancelled)
}

// Start runs due jobs in the background, alongside other replicas, until stop is called. stop waits for running jobs until
// its context ends, and then cancels them; they are retried later. The end of ctx does not stop the queue.
func (q *Queue) Start(ctx context.Context, work Work) (stop func(context.Context) error, err error) {
	config := q.config(work, pollInterval)
	config.PeriodicJobs = periodic(work)
	client, err := river.NewClient(q.driver, config)
	if err != nil {
		return nil, err
	}
	// River would stop at once when this context ends.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("start the job queue: %w", err)
	}
	return func(ctx context.Context) error {
		if err := client.Stop(ctx); err == nil {
			return nil
		}
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), pollInterval)
		defer cancel()
		return client.StopAndCancel(ending)
	}, nil
}

// Drain runs due jobs, round by round, until none is left. It schedules no cleanups. It exists for tests.
func (q *Queue) Drain(ctx context.Context, work Work) error {
	for {
		due, err := q.hasDue(ctx)
		if err != nil || !due {
			return err
		}
		if err := q.drainOnce(ctx, work); err != nil {
			return err
		}
	}
}

// drainOnce starts every due job and waits for those to end. River records the end of a job with a delay, or when it stops.
func (q *Queue) drainOnce(ctx context.Context, work Work) error {
	const poll = 5 * time.Millisecond
	config := q.config(work, poll)
	config.LeaderElectionDisabled = true // a leader runs maintenance of its own, by the machine's clock
	client, err := river.NewClient(q.driver, config)
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return fmt.Errorf("start the job queue: %w", err)
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for due := true; due && err == nil; due, err = q.hasDue(ctx) {
		<-ticker.C
	}
	return errors.Join(err, client.Stop(ctx))
}

// hasDue reports whether a due job waits to be started. It makes failed jobs that are due available again, which otherwise
// the leader does, by the machine's clock.
func (q *Queue) hasDue(ctx context.Context) (bool, error) {
	found, err := q.client.JobList(ctx, river.NewJobListParams().First(maxListed).States(
		rivertype.JobStateAvailable, rivertype.JobStateRetryable, rivertype.JobStateScheduled))
	if err != nil {
		return false, err
	}
	due := false
	for _, job := range found.Jobs {
		if job.ScheduledAt.After(q.now()) {
			continue
		}
		due = true
		if job.State == rivertype.JobStateRetryable {
			if _, err := q.client.JobRetry(ctx, job.ID); err != nil {
				return false, err
			}
		}
	}
	return due, nil
}

func (q *Queue) config(work Work, poll time.Duration) *river.Config {
	registered := river.NewWorkers()
	river.AddWorker(registered, &mailWorker{send: work.Mail, now: q.now, log: failures{q.log}})
	river.AddWorker(registered, &cleanupWorker{cleanups: work.Cleanups, log: q.log})
	return &river.Config{
		Workers:                     registered,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
		PollOnly:                    true, // SQLite has no notifications, and on PostgreSQL they take a connection of their own
		FetchPollInterval:           poll,
		FetchCooldown:               min(poll, 100*time.Millisecond),
		JobTimeout:                  timeout,
		RescueStuckJobsAfter:        rescueAfter,
		CancelledJobRetentionPeriod: keepDead,
		DiscardedJobRetentionPeriod: keepDead,
		ReindexerIndexNames:         []string{}, // none: it would be cut short by the bounds of requests, and leave half an index
		Logger:                      q.riverLog(),
		ErrorHandler:                failures{q.log},
		Test:                        river.TestConfig{Time: clock{q.now}},
	}
}

// periodic returns the schedule of the cleanups. Each is due when a replica starts and then every hour; InsertOpts keeps it
// to once an hour whatever the number of replicas.
func periodic(work Work) []*river.PeriodicJob {
	var jobs []*river.PeriodicJob
	for _, name := range slices.Sorted(maps.Keys(work.Cleanups)) {
		jobs = append(jobs, river.NewPeriodicJob(river.PeriodicInterval(cleanupInterval),
			func() (river.JobArgs, *river.InsertOpts) { return cleanup{name}, nil },
			&river.PeriodicJobOpts{ID: name, RunOnStart: true}))
	}
	return jobs
}

type mailWorker struct {
	river.WorkerDefaults[Mail]
	send func(context.Context, Mail) error
	now  func() time.Time
	log  failures
}

// Work sends the mail.
func (w *mailWorker) Work(ctx context.Context, job *river.Job[Mail]) error {
	mail := job.Args
	mail.Attempt = job.Attempt
	err := w.log.guard(ctx, job.JobRow, func() error { return w.send(ctx, mail) })
	if isPermanent(err) { // River does not pass it to the ErrorHandler
		w.log.dead(ctx, job.JobRow, err)
	}
	return err
}

// NextRetry returns when to retry a mail that has just failed.
func (w *mailWorker) NextRetry(job *river.Job[Mail]) time.Time {
	return w.now().UTC().Add(delay(job.Attempt))
}

type cleanupWorker struct {
	river.WorkerDefaults[cleanup]
	cleanups map[string]func(context.Context) error
	log      *slog.Logger
}

// errCleanup is stored in place of a cleanup's own error, which may contain values from the database.
var errCleanup = errors.New("the cleanup failed; the log has the reason")

// Work runs the cleanup that the job names. A name that this replica does not know comes from another version.
func (w *cleanupWorker) Work(ctx context.Context, job *river.Job[cleanup]) error {
	do, known := w.cleanups[job.Args.Name]
	if !known {
		return Permanent(fmt.Errorf("there is no cleanup called %q", job.Args.Name))
	}
	if err := (failures{w.log}).guard(ctx, job.JobRow, func() error { return do(ctx) }); err != nil {
		w.log.ErrorContext(ctx, "cleanup failed", "sweep", job.Args.Name, "error", err)
		return errCleanup
	}
	return nil
}

// firstDelays returns the waits after the first failures. After each further one longDelay follows; all add up to three days.
func firstDelays() []time.Duration {
	return []time.Duration{
		2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute,
		5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
	}
}

const (
	longDelay  = 4 * time.Hour
	longDelays = 17
)

// maxAttempts counts the first attempt, those after firstDelays and those after a longDelay.
func maxAttempts() int { return 1 + len(firstDelays()) + longDelays }

// delay returns how long to wait after this number of attempts.
func delay(tries int) time.Duration {
	if first := firstDelays(); tries <= len(first) {
		return first[tries-1]
	}
	return longDelay
}
