package commands

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"latchkey/server"
)

func newServe(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the API; the default without a subcommand",
		Long: `Serves the API at ADDR until SIGINT or SIGTERM, and then waits until the requests in progress are done, for at most
SHUTDOWN_TIMEOUT.

On SQLite in development it applies pending migrations first. Elsewhere it refuses to start on a schema that is out of
date: run "latchkey migrate up", or set AUTO_MIGRATE=true.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serve(cmd.Context()) },
	}
}

func (c *console) serve(ctx context.Context) (err error) {
	signal.Ignore(syscall.SIGPIPE) // whatever reads the log may end; the service goes on
	settings, err := c.settings()
	if err != nil {
		return err
	}
	return c.withOpened(ctx, settings, server.OpenDatabaseForRequests, func(with server.Resources) (err error) {
		cores := server.SpareThreads()
		hasher, err := server.NewHasher(settings, cmp.Or(settings.Password.HashConcurrency, cores))
		if err != nil {
			return err
		}
		defer hasher.Close()
		with.Hasher = hasher
		service, err := server.New(ctx, settings, with)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, service.Close()) }()
		return service.Run(ctx, secondSignal(ctx))
	})
}

// secondSignal returns a channel that is closed by a signal after the one that ended ctx: a person doesn't want to wait. A third
// one ends the process at once.
func secondSignal(ctx context.Context) <-chan struct{} {
	hurry := make(chan struct{})
	context.AfterFunc(ctx, func() {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		<-signals
		close(hurry)
		signal.Reset(os.Interrupt, syscall.SIGTERM)
	})
	return hurry
}
