package commands

import (
	"context"
	"errors"
	"sync"
	"time"

	"latchkey/models"
)

// choreInterval is how often each chore gets its turn. It is well below the minute within which replicas follow a change
// of the signing keys.
const choreInterval = 20 * time.Second

// chore is work that goes on beside the requests.
type chore struct {
	name string
	do   func(context.Context) error
}

// startChores does every chore at each interval. The function that comes back stops that and waits for the last one.
func (s *Service) startChores(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(choreInterval)
		defer ticker.Stop()
		for {
			s.DoChores(ctx)
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

// DoChores does every chore once. One that fails is logged, and tried again at its next turn.
func (s *Service) DoChores(ctx context.Context) {
	for _, chore := range s.chores {
		if err := chore.do(ctx); err != nil && !errors.Is(err, context.Canceled) {
			s.log.ErrorContext(ctx, "chore failed", "chore", chore.name, "error", err)
		}
	}
}

const (
	sweepInterval = time.Hour
	sweepBatch    = 500
)

// sweepSessions deletes sessions that are long over.
func sweepSessions(jobs *models.PeriodicJobManager, sessions *models.SessionManager) chore {
	return sweep(jobs, "sweep_sessions", sessions.DeleteOver)
}

// sweepLogins deletes counts of failed logins that say nothing any more.
func sweepLogins(jobs *models.PeriodicJobManager, logins *models.LoginManager) chore {
	return sweep(jobs, "sweep_logins", logins.DeleteForgotten)
}

// pruneAudit deletes events that are older than retention.
func pruneAudit(jobs *models.PeriodicJobManager, audit *models.AuditLog, retention time.Duration) chore {
	return sweep(jobs, "prune_audit", func(ctx context.Context, limit int) (int64, error) {
		return audit.DeleteOld(ctx, retention, limit)
	})
}

// sweep deletes what is over in batches, by one replica an hour. remove deletes at most limit rows and counts them.
func sweep(
	jobs *models.PeriodicJobManager, name string, remove func(ctx context.Context, limit int) (int64, error),
) chore {
	return chore{name, func(ctx context.Context) error {
		mine, err := jobs.Claim(ctx, name, sweepInterval)
		if err != nil || !mine {
			return err
		}
		for {
			deleted, err := remove(ctx, sweepBatch)
			if err != nil || deleted < sweepBatch {
				return err
			}
		}
	}}
}
