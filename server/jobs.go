package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"latchkey/config"
	"latchkey/jobs"
)

// taskInterval is how often each task runs. It is well below the minute within which replicas follow a change of the signing
// keys.
const taskInterval = 20 * time.Second

// task is background work that every replica does for itself.
type task struct {
	name string
	run  func(context.Context) error
}

// startTasks starts to run every task at each interval. The returned function stops that, and waits for the task that is
// running.
func (s *Server) startTasks(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(taskInterval)
		defer ticker.Stop()
		for {
			s.RunTasks(ctx)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// RunTasks runs every background task of this replica once. One that fails is logged, and runs again at the next interval.
func (s *Server) RunTasks(ctx context.Context) {
	for _, task := range s.tasks {
		if err := s.runTask(ctx, task); err != nil && !errors.Is(err, context.Canceled) {
			s.log.ErrorContext(ctx, "background task failed", "task", task.name, "error", err)
		}
	}
}

// runTask runs a task for at most one interval.
func (s *Server) runTask(ctx context.Context, task task) error {
	ctx, cancel := context.WithTimeout(ctx, taskInterval)
	defer cancel()
	return jobs.Guard(ctx, s.log.With("task", task.name), "background task panicked", func() error { return task.run(ctx) })
}

const cleanupBatch = 500

// cleanups returns, by name, the work that deletes expired rows. One of the replicas does all of it every hour.
func cleanups(m Managers, settings config.Settings) map[string]func(context.Context) error {
	retention := settings.Audit.Retention
	return map[string]func(context.Context) error{
		"sessions": inBatches(m.Sessions.DeleteOver),
		"logins":   inBatches(m.Logins.DeleteForgotten),
		"tokens":   inBatches(m.OneTimeTokens.DeleteOver),
		"accounts": inBatches(m.Users.DeleteDue),
		"audit": func(ctx context.Context) error {
			if err := inBatches(m.Users.KeepRecordedEnds)(ctx); err != nil { // before the log forgets them
				return err
			}
			return inBatches(func(ctx context.Context, limit int) (int64, error) {
				return m.Audit.DeleteOld(ctx, retention, limit)
			})(ctx)
		},
	}
}

// inBatches returns work that calls remove until it deletes fewer rows than the limit. Remove deletes at most limit rows, and
// returns how many it deleted. Between two batches the work pauses for twice the time that one took: SQLite has one writer at a
// time, and a request that finds the lock taken looks again only now and then.
func inBatches(remove func(ctx context.Context, limit int) (int64, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			began := time.Now()
			deleted, err := remove(ctx, cleanupBatch)
			if err != nil || deleted < cleanupBatch {
				return err
			}
			select {
			case <-time.After(2 * time.Since(began)):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}
