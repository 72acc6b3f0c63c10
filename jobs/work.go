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
	sweepInterval = time.Hour
	pollInterval  = time.Second
	timeout       = time.Minute     // of one try; its context ends then
	rescueAfter   = 2 * time.Minute // when a try is taken for lost whose process died
	keepDead      = 30 * 24 * time.Hour
	workers       = 4 // mails at once
)

// Work is what a queue does: send a mail, and every hour each of Sweeps, by name, on one replica. A mail that fails is tried
// again, unless its error is Permanent. No error may hold a secret or an address: it is kept with the job.
type Work struct {
	Mail   func(ctx context.Context, mail Mail) error
	Sweeps map[string]func(ctx context.Context) error
}

// Permanent marks an error of a mail that no further try can mend.
func Permanent(err error) error { return river.JobCancel(err) }

func isPermanent(err error) bool {
	var cancelled *river.JobCancelError
	return errors.As(err, &cancelled)
}

// Start works the queue off, beside other replicas, until stop is called. That waits for what is under way as long as its
// context allows, and then gives up: what was given up is tried again later.
func (q *Queue) Start(ctx context.Context, work Work) (stop func(context.Context) error, err error) {
	config := q.config(work, pollInterval)
	config.PeriodicJobs = periodic(work)
	client, err := river.NewClient(q.driver, config)
	if err != nil {
		return nil, err
	}
	// River takes the end of this context as an order to stop at once.
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

// Drain works off what is due now, round by round, and returns when nothing is. It leaves the sweeps out.
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

// drainOnce works until every job that is due has been begun, and waits for those. River notes the end of a job once in a
// while, and when it stops.
func (q *Queue) drainOnce(ctx context.Context, work Work) error {
	const poll = 5 * time.Millisecond
	config := q.config(work, poll)
	config.LeaderElectionDisabled = true // a leader has rounds of its own, by the clock of the machine
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

// hasDue reports whether a job that is due waits to be begun. What failed before and is due again it puts back in the row
// itself, rather than wait for the leader's round.
func (q *Queue) hasDue(ctx context.Context) (bool, error) {
	found, err := q.client.JobList(ctx, river.NewJobListParams().First(listed).States(
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
	river.AddWorker(registered, &sweepWorker{sweeps: work.Sweeps, log: q.log})
	return &river.Config{
		Workers:                     registered,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
		PollOnly:                    true, // SQLite has no notifications, and PostgreSQL would need a connection for itself
		FetchPollInterval:           poll,
		FetchCooldown:               min(poll, 100*time.Millisecond),
		JobTimeout:                  timeout,
		RescueStuckJobsAfter:        rescueAfter,
		CancelledJobRetentionPeriod: keepDead,
		DiscardedJobRetentionPeriod: keepDead,
		Logger:                      q.riverLog(),
		ErrorHandler:                failures{q.log},
		Test:                        river.TestConfig{Time: clock{q.now}},
	}
}

// periodic are the sweeps: each is due at the start of a replica and every hour, and done once an hour whatever their
// number.
func periodic(work Work) []*river.PeriodicJob {
	var jobs []*river.PeriodicJob
	for _, name := range slices.Sorted(maps.Keys(work.Sweeps)) {
		jobs = append(jobs, river.NewPeriodicJob(river.PeriodicInterval(sweepInterval),
			func() (river.JobArgs, *river.InsertOpts) { return sweep{name}, nil },
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
	err := w.log.guard(ctx, job.JobRow, func() error { return w.send(ctx, job.Args) })
	if isPermanent(err) { // of which River tells nobody
		w.log.dead(ctx, job.JobRow, err)
	}
	return err
}

// NextRetry is when a mail is tried again that just failed.
func (w *mailWorker) NextRetry(job *river.Job[Mail]) time.Time {
	return w.now().UTC().Add(delay(job.Attempt))
}

type sweepWorker struct {
	river.WorkerDefaults[sweep]
	sweeps map[string]func(context.Context) error
	log    *slog.Logger
}

// errSweep stands for what the database said, which may hold what does not belong into the queue.
var errSweep = errors.New("the sweep failed; the log has the reason")

// Work does the sweep that the job names. One that this replica does not know is of another version.
func (w *sweepWorker) Work(ctx context.Context, job *river.Job[sweep]) error {
	do, known := w.sweeps[job.Args.Name]
	if !known {
		return Permanent(fmt.Errorf("no sweep is called %s", job.Args.Name))
	}
	if err := (failures{w.log}).guard(ctx, job.JobRow, func() error { return do(ctx) }); err != nil {
		w.log.ErrorContext(ctx, "sweep failed", "sweep", job.Args.Name, "error", err)
		return errSweep
	}
	return nil
}

// firstDelays come after the first failures, and longDelay after each further one. Together they last three days.
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

// maxAttempts are the first, those after firstDelays and those after a longDelay.
func maxAttempts() int { return 1 + len(firstDelays()) + longDelays }

// delay is how long to wait after so many tries.
func delay(tries int) time.Duration {
	if first := firstDelays(); tries <= len(first) {
		return first[tries-1]
	}
	return longDelay
}
