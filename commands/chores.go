package commands

import (
	"context"
	"errors"
	"sync"
	"time"

	"latchkey/config"
)

// choreInterval is how often each chore gets its turn. It is well below the minute within which replicas follow a change
// of the signing keys.
const choreInterval = 20 * time.Second

// chore is work that every replica does for itself, beside the requests.
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

const sweepBatch = 500

// sweeps are what has to be cleared away, every hour by one of the replicas.
func (m managers) sweeps(settings config.Settings) map[string]func(context.Context) error {
	retention := settings.Audit.Retention
	return map[string]func(context.Context) error{
		"sessions": inBatches(m.sessions.DeleteOver),
		"logins":   inBatches(m.logins.DeleteForgotten),
		"tokens":   inBatches(m.oneTimeTokens.DeleteOver),
		"accounts": inBatches(m.users.DeleteDue),
		"audit": inBatches(func(ctx context.Context, limit int) (int64, error) {
			return m.audit.DeleteOld(ctx, retention, limit)
		}),
	}
}

// inBatches removes until little is left. remove deletes at most limit rows and counts them.
func inBatches(remove func(ctx context.Context, limit int) (int64, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			deleted, err := remove(ctx, sweepBatch)
			if err != nil || deleted < sweepBatch {
				return err
			}
		}
	}
}
