// Package server owns the wiring: it opens what the settings name, constructs the managers, controllers and middleware from
// it, and runs the result. The command line, the tests and the benchmarks all get the service from here.
package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm"

	"latchkey/config"
	"latchkey/database"
	"latchkey/jobs"
	"latchkey/middleware"
	"latchkey/passwords"
	"latchkey/ratelimit"
	"latchkey/routes"
	"latchkey/tokens"
)

// Resources are what a server works with and does not own: the caller closes them.
type Resources struct {
	DB     *gorm.DB // open, its schema current
	Hasher *passwords.Pool
	Log    *slog.Logger
	Now    func() time.Time
}

// Server is the wired service: the engine that handles requests, its metrics, the queue of jobs that replicas share, and the
// work for the jobs of that queue.
type Server struct {
	Engine  *gin.Engine
	Metrics *prometheus.Registry
	Jobs    *jobs.Queue
	Work    jobs.Work

	settings  config.Settings
	log       *slog.Logger
	tasks     []task
	readiness *readiness
	redis     *ratelimit.Redis // nil if not used
}

// parts are what the controllers are constructed from.
type parts struct {
	Resources
	Managers
	settings config.Settings
	keys     func() tokens.KeySet
	access   *tokens.AccessTokens
	mailer   mailer
	ready    func(context.Context) error
}

// New wires the service that the settings describe. On the first run it creates the keys that sign tokens.
func New(ctx context.Context, settings config.Settings, with Resources) (*Server, error) {
	if err := with.Hasher.CheckPriority(); err != nil {
		with.Log.WarnContext(ctx, "passwords are hashed at the normal priority, so that a flood of logins slows down other requests",
			"error", err)
	}
	keys, tasks, err := signingKeys(ctx, settings, with)
	if err != nil {
		return nil, err
	}
	managers, err := NewManagers(settings, with)
	if err != nil {
		return nil, err
	}
	probe, err := database.NewProbe(with.DB)
	if err != nil {
		return nil, err
	}
	server := &Server{
		Jobs: managers.Queue, Work: jobs.Work{Cleanups: cleanups(managers, settings)},
		settings: settings, log: with.Log, tasks: append(tasks, compareClocks(settings, with), updateDecoys(managers.Users, with.Now)),
		readiness: &readiness{probe: probe, log: with.Log},
	}
	access := newAccessTokens(settings, keys, with)
	err = server.serve(parts{
		Resources: with, Managers: managers, settings: settings, keys: keys, access: access, ready: server.readiness.check,
	})
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return server, nil
}

// serve constructs what handles requests and sends mail: the metrics, the limits, the mailer, the controllers, and the engine
// with its routes.
func (s *Server) serve(p parts) (err error) {
	if s.redis, err = openRedis(p.settings, p.Resources); err != nil {
		return err
	}
	if s.Metrics, err = newRegistry(p, s.redis); err != nil {
		return err
	}
	metrics := middleware.NewMetrics(s.Metrics)
	counting := ratelimit.Counting{Key: derivedKeys(p.settings, "rate-limits")[0], Redis: s.redis, Now: p.Now}
	policies, err := newPolicies(p, counting, metrics)
	if err != nil {
		return err
	}
	recipients, err := newRecipientLimit(p.settings.RateLimit, counting, metrics)
	if err != nil {
		return err
	}
	if p.mailer, err = newMailer(p.settings, p.Resources, p.Managers, recipients); err != nil {
		return err
	}
	s.Work.Mail = p.mailer.send
	controllers, err := newControllers(p)
	if err != nil {
		return err
	}
	if s.Engine, err = newEngine(); err != nil {
		return err
	}
	routes.Register(s.Engine, controllers, policies)
	return nil
}

// Run serves requests and metrics, and runs the jobs of the queue and the background tasks, until ctx ends. Then it is no longer
// ready, and after SHUTDOWN_DELAY, or once hurry is closed, it accepts no more requests, and waits for those and the jobs in
// progress, up to SHUTDOWN_TIMEOUT.
func (s *Server) Run(ctx context.Context, hurry <-chan struct{}) (err error) {
	defer func() {
		if err == nil { // the command says what else
			s.log.InfoContext(ctx, "stopped")
		}
	}()
	stopMetrics, err := serveMetrics(ctx, s.settings.Metrics.Addr, s.Metrics, s.log)
	if err != nil {
		return err
	}
	defer stopMetrics()
	stopJobs, err := s.Jobs.Start(ctx, s.Work)
	if err != nil {
		return err
	}
	stopTasks := s.startTasks(context.WithoutCancel(ctx)) // they go on until the last response
	defer stopTasks()
	server, err := s.listen(ctx)
	if err == nil {
		s.announceEnd(hurry)
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.settings.Server.ShutdownTimeout)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- drain(ending, server) }()
	return errors.Join(err, stopJobs(ending), <-drained)
}

// Close closes what the server opened for itself.
func (s *Server) Close() error {
	err := s.readiness.probe.Close()
	if s.redis == nil {
		return err
	}
	return errors.Join(err, s.redis.Close())
}
