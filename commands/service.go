package commands

import (
	"context"
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm"

	"latchkey/api"
	"latchkey/config"
	"latchkey/controllers"
	"latchkey/database"
	"latchkey/jobs"
	"latchkey/middleware"
	"latchkey/models"
	"latchkey/passwords"
	"latchkey/ratelimit"
	"latchkey/routes"
	"latchkey/tokens"
	"latchkey/web"
)

// Resources are what a service works with and does not own: they are the caller's to close.
type Resources struct {
	DB     *gorm.DB // open, its schema current
	Hasher *passwords.Pool
	Log    *slog.Logger
	Now    func() time.Time
}

// Service is the wired program: what answers requests, what it measures, and what goes on beside them: jobs, which the
// replicas share, and chores, which each does for itself.
type Service struct {
	Engine  *gin.Engine
	Metrics *prometheus.Registry
	Jobs    *jobs.Queue
	work    jobs.Work
	chores  []chore
	redis   *ratelimit.Redis // nil if not used
	log     *slog.Logger
}

// DoJobs works off what is due in the queue now.
func (s *Service) DoJobs(ctx context.Context) error { return s.Jobs.Drain(ctx, s.work) }

// Sweep does one of the periodic jobs now.
func (s *Service) Sweep(ctx context.Context, name string) error { return s.work.Sweeps[name](ctx) }

// Close lets go of what the service opened for itself.
func (s *Service) Close() error {
	if s.redis == nil {
		return nil
	}
	return s.redis.Close()
}

// NewService wires the whole service. On the first run it makes the keys that sign tokens.
func NewService(ctx context.Context, settings config.Settings, with Resources) (*Service, error) {
	keys, keyChores, err := signingKeys(ctx, settings, with)
	if err != nil {
		return nil, err
	}
	managers, err := newManagers(settings, with)
	if err != nil {
		return nil, err
	}
	redis, err := openRedis(settings, with)
	if err != nil {
		return nil, err
	}
	registry, err := newRegistry(with.DB, with.Hasher, redis)
	if err != nil {
		return nil, err
	}
	metrics := middleware.NewMetrics(registry)
	limit, err := rateLimits(settings, ratelimit.Counting{Redis: redis, Now: with.Now}, metrics)
	if err != nil {
		return nil, err
	}
	engine, err := newEngine(settings)
	if err != nil {
		return nil, err
	}
	access := newAccessTokens(settings, keys, with.Now)
	resources, err := newControllers(settings, managers, access, keys)
	if err != nil {
		return nil, err
	}
	if resources.Django, err = newDjango(settings, managers, access, with.Now); err != nil {
		return nil, err
	}
	letters, err := newPost(settings, with)
	if err != nil {
		return nil, err
	}
	resources.DevMail = letters.page
	mails := mailer{letters, settings.Mail, managers.users, managers.oneTimeTokens, with.Log}
	routes.Register(engine, resources, routes.Policies{
		Global: globalPolicies(settings, with, metrics),
		User: []gin.HandlerFunc{
			middleware.Authenticate(access, settings.JWT.AuthHeaderPrefix), middleware.LoadSession(managers.sessions),
		},
		Limit: limit,
	})
	return &Service{
		Engine: engine, Metrics: registry, Jobs: managers.queue, redis: redis, log: with.Log, chores: keyChores,
		work: jobs.Work{Mail: mails.send, Sweeps: managers.sweeps(settings)},
	}, nil
}

func newAccessTokens(settings config.Settings, keys func() tokens.KeySet, now func() time.Time) *tokens.AccessTokens {
	return tokens.NewAccessTokens(keys, tokens.AccessTokenOptions{
		Issuer: settings.JWT.Issuer, Audience: settings.JWT.Audience,
		Lifetime: settings.JWT.ExpirationDelta, Leeway: settings.JWT.Leeway, Jitter: settings.JWT.Jitter,
	}, now)
}

// managers are what keeps the rules about what is stored.
type managers struct {
	db       *gorm.DB
	audit    *models.AuditLog
	users    *models.UserManager
	sessions *models.SessionManager
	logins   *models.LoginManager
	imports  *models.ImportManager
	queue    *jobs.Queue

	oneTimeTokens *models.OneTimeTokenManager
	verifications *models.VerificationManager
}

func newManagers(settings config.Settings, with Resources) (managers, error) {
	refresh, err := tokens.NewCodec("lkr_", derivedKeys(settings, "refresh-token")...)
	if err != nil {
		return managers{}, err
	}
	devices, err := tokens.NewCodec("lkd_", derivedKeys(settings, "device-token")...)
	if err != nil {
		return managers{}, err
	}
	queue, err := newQueue(with)
	if err != nil {
		return managers{}, err
	}
	oneTime, err := tokens.NewCodec("lko_", derivedKeys(settings, "one-time-token")...)
	if err != nil {
		return managers{}, err
	}
	audit := models.NewAuditLog(with.DB, notices(settings.Account, queue), with.Log, with.Now)
	store, rules := models.NewStore(with.DB, audit, with.Now), passwordRules(settings, with.Hasher)
	sessions := models.NewSessionManager(store, refresh, models.SessionRules{
		Idle: settings.Session.IdleTimeout, Lifetime: settings.Session.Lifetime, Grace: settings.Session.RefreshGrace,
	})
	oneTimeTokens := models.NewOneTimeTokenManager(store, oneTime, queue)
	users := models.NewUserManager(store, rules, sessions, oneTimeTokens)
	return managers{
		db: with.DB, audit: audit, users: users, sessions: sessions, oneTimeTokens: oneTimeTokens, queue: queue,
		logins:        models.NewLoginManager(store, users, sessions, devices, admission(settings)),
		imports:       models.NewImportManager(store, rules, users, sessions),
		verifications: models.NewVerificationManager(store, users, sessions, oneTimeTokens),
	}, nil
}

func newQueue(with Resources) (*jobs.Queue, error) {
	pool, err := with.DB.DB()
	if err != nil {
		return nil, err
	}
	return jobs.NewQueue(jobs.Options{DB: pool, Dialect: with.DB.Name(), Log: with.Log, Now: with.Now})
}

func newControllers(
	settings config.Settings, m managers, access *tokens.AccessTokens, keys func() tokens.KeySet,
) (routes.Controllers, error) {
	contract := api.NewContract()
	docs, err := api.NewDocs(middleware.NotFound)
	if err != nil {
		return routes.Controllers{}, err
	}
	pages := web.NewPages(m.verifications, web.PageSettings{
		Service: settings.ServiceName(), MinPasswordLength: settings.Password.MinLength,
	})
	ready := func(ctx context.Context) error { return database.CheckSchema(ctx, m.db) }
	return routes.Controllers{
		Contract:  contract,
		Docs:      docs,
		Errors:    api.NewErrors(contract, middleware.Statuses()),
		Health:    controllers.NewHealth(ready),
		WellKnown: controllers.NewWellKnown(keys, settings.JWT.Issuer, settings.Server.PublicURL),
		Accounts:  controllers.NewAccounts(m.users, m.logins, access, signupAnswer(settings)),
		Profile:   controllers.NewProfile(m.users),
		Password:  controllers.NewPassword(m.users, m.verifications),
		Sessions:  controllers.NewSessions(m.sessions, access, settings.JWT.AuthHeaderPrefix),
		Tokens:    controllers.NewTokens(m.sessions, access),
		Email:     controllers.NewEmail(m.verifications),
		Account:   controllers.NewAccount(m.users, settings.Account.DeletionGrace),
		Pages:     pages,
	}, nil
}

func signupAnswer(settings config.Settings) controllers.SignupAnswer {
	switch {
	case settings.Account.SignupEnumerationSafe:
		return controllers.SignupHides
	case settings.Account.EmailVerification == config.VerificationRequired:
		return controllers.SignupAsks
	default:
		return controllers.SignupTells
	}
}

func admission(settings config.Settings) models.Admission {
	if settings.Account.EmailVerification == config.VerificationRequired {
		return models.AdmitVerified
	}
	return models.AdmitAll
}
