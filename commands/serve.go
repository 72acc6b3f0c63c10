package commands

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"runtime"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"latchkey/config"
	"latchkey/database"
)

func newServe(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the API (what latchkey alone does)",
		Long: `Serves the API at ADDR until SIGINT or SIGTERM, then lets requests under way finish.

On SQLite in development it applies pending migrations first. Elsewhere it refuses a stale schema: run
"latchkey migrate up", or set AUTO_MIGRATE=true.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serve(cmd.Context()) },
	}
}

func (c *console) serve(ctx context.Context) (err error) {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	log := c.logger(settings)
	if err := prepareSchema(ctx, settings, log); err != nil {
		return err
	}
	db, err := openDatabase(settings, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close(db)) }()
	cores := spareThreads()
	hasher, err := NewHasher(settings, cmp.Or(settings.Password.HashConcurrency, cores))
	if err != nil {
		return err
	}
	defer hasher.Close()
	service, err := NewService(ctx, settings, Resources{DB: db, Hasher: hasher, Log: log, Now: c.now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	stopMetrics, err := serveMetrics(ctx, settings.Metrics.Addr, service.Metrics, log)
	if err != nil {
		return err
	}
	defer stopMetrics()
	stopJobs, err := service.Jobs.Start(ctx, service.work)
	if err != nil {
		return err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), settings.Server.ShutdownTimeout)
		defer cancel()
		err = errors.Join(err, stopJobs(ending))
	}()
	defer service.startChores(ctx)()
	return listen(ctx, settings, service.Engine, log)
}

// spareThreads lets two more threads run Go code than there are cores, so that requests go on while every core hashes a
// password, and gives back the number of cores, which honours the limits of a container.
func spareThreads() (cores int) {
	cores = runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(cores + 2)
	return cores
}

// prepareSchema makes sure that the database has the schema of this program: by migrating it where the settings allow
// that, and by refusing to go on elsewhere.
func prepareSchema(ctx context.Context, settings config.Settings, log *slog.Logger) (err error) {
	migrator, err := database.NewMigrator(settings.Database.URL.Reveal(), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, migrator.Close()) }()
	if !settings.Database.AutoMigrate {
		return migrator.Check(ctx)
	}
	_, err = migrator.Up(ctx)
	return err
}

func openDatabase(settings config.Settings, log *slog.Logger) (*gorm.DB, error) {
	return database.Open(settings.Database.URL.Reveal(), database.Options{
		MaxOpenConns:    settings.Database.MaxOpenConns,
		MaxIdleConns:    settings.Database.MaxIdleConns,
		ConnMaxLifetime: settings.Database.ConnMaxLifetime,
		Logger:          log,
	})
}
