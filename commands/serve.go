package commands

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"latchkey/api"
	"latchkey/config"
	"latchkey/controllers"
	"latchkey/database"
	"latchkey/middleware"
	"latchkey/models"
	"latchkey/passwords"
	"latchkey/routes"
	"latchkey/tokens"
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
	hasher, err := passwords.NewPool(passwords.Options{
		Concurrency: cmp.Or(settings.Password.HashConcurrency, cores), Wait: settings.Password.HashWait,
	})
	if err != nil {
		return err
	}
	defer hasher.Close()
	service, err := NewService(ctx, settings, Resources{DB: db, Hasher: hasher, Log: log, Now: c.now})
	if err != nil {
		return err
	}
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

// Resources are what a service works with and does not own: they are the caller's to close.
type Resources struct {
	DB     *gorm.DB // open, its schema current
	Hasher *passwords.Pool
	Log    *slog.Logger
	Now    func() time.Time
}

// Service is the wired program: what answers requests, and the chores that go on beside them.
type Service struct {
	Engine *gin.Engine
	chores []chore
	log    *slog.Logger
}

func signupAnswer(settings config.Settings) controllers.SignupAnswer {
	if settings.Abuse.SignupEnumerationSafe {
		return controllers.SignupHides
	}
	return controllers.SignupTells
}

// NewService wires the whole service. On the first run it makes the keys that sign tokens.
func NewService(ctx context.Context, settings config.Settings, with Resources) (*Service, error) {
	keys, keyChores, err := signingKeys(ctx, settings, with)
	if err != nil {
		return nil, err
	}
	access := tokens.NewAccessTokens(keys, tokens.AccessTokenOptions{
		Issuer: settings.JWT.Issuer, Audience: settings.JWT.Audience,
		Lifetime: settings.JWT.ExpirationDelta, Leeway: settings.JWT.Leeway, Jitter: settings.JWT.Jitter,
	}, with.Now)
	refresh, err := tokens.NewOpaque("lkr_", derivedKeys(settings, "refresh-token")...)
	if err != nil {
		return nil, err
	}
	devices, err := tokens.NewOpaque("lkd_", derivedKeys(settings, "device-token")...)
	if err != nil {
		return nil, err
	}
	audit := models.NewAuditLog(with.DB, with.Log, with.Now)
	users := models.NewUserManager(with.DB, with.Hasher, passwords.NewPolicy(settings.Password.MinLength), audit, with.Now)
	sessions := models.NewSessionManager(with.DB, users, refresh, models.SessionRules{
		Idle: settings.Session.IdleTimeout, Lifetime: settings.Session.Lifetime, Grace: settings.Session.RefreshGrace,
	}, with.Now)
	logins := models.NewLoginManager(users, sessions, devices)
	ready := func(ctx context.Context) error { return database.CheckSchema(ctx, with.DB) }

	contract, err := api.NewContract()
	if err != nil {
		return nil, err
	}
	letters, err := newPost(settings, with)
	if err != nil {
		return nil, err
	}
	engine, err := newEngine(settings)
	if err != nil {
		return nil, err
	}
	scheme := settings.JWT.AuthHeaderPrefix
	routes.Register(engine, routes.Controllers{
		Contract:  contract,
		Health:    controllers.NewHealth(ready),
		WellKnown: controllers.NewWellKnown(keys, settings.JWT.Issuer, settings.Server.PublicURL),
		Accounts:  controllers.NewAccounts(users, logins, access, signupAnswer(settings)),
		Profile:   controllers.NewProfile(users),
		Password:  controllers.NewPassword(users),
		Sessions:  controllers.NewSessions(sessions, access, scheme),
		Tokens:    controllers.NewTokens(sessions, access),
		DevMail:   letters.page,
	}, routes.Policies{
		Global: globalPolicies(settings, with.Log, with.Now),
		User:   []gin.HandlerFunc{middleware.Authenticate(access, scheme), middleware.LoadSession(sessions)},
	})
	jobs := models.NewPeriodicJobManager(with.DB, with.Now)
	return &Service{Engine: engine, log: with.Log, chores: append(keyChores,
		sweepSessions(jobs, sessions),
		sweepLogins(jobs, logins),
		pruneAudit(jobs, audit, settings.Abuse.AuditRetention),
	)}, nil
}
