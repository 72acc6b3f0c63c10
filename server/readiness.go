package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"latchkey/database"
)

// readyTimeout is how long the database may take to respond for the service to be ready.
const readyTimeout = time.Second

var errStopping = errors.New("the service is shutting down")

// readiness is whether the service can serve requests, which depends on the database and on nothing else.
type readiness struct {
	probe    *database.Probe
	log      *slog.Logger
	stopping atomic.Bool
	refused  atomic.Bool // by the last check
}

// check returns why the service can't serve requests, or nil if it can. It logs each change.
func (r *readiness) check(ctx context.Context) error {
	err := r.ask(ctx)
	if r.refused.Swap(err != nil) != (err != nil) {
		if err != nil {
			r.log.WarnContext(ctx, "not ready", "reason", err)
		} else {
			r.log.InfoContext(ctx, "ready again")
		}
	}
	return err
}

func (r *readiness) ask(ctx context.Context) error {
	if r.stopping.Load() {
		return errStopping
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout) // a prober that hangs up proves nothing
	defer cancel()
	return r.probe.Check(ctx)
}
