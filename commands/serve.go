package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"
	"github.com/spf13/cobra"
	"gorm.io/gorm"

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
	hasher, err := passwords.NewPool(passwords.Options{
		Concurrency: settings.Password.HashConcurrency, Wait: settings.Password.HashWait,
	})
	if err != nil {
		return err
	}
	defer hasher.Close()
	engine, err := NewEngine(settings, db, hasher, log, c.now)
	if err != nil {
		return err
	}
	return listen(ctx, settings, engine, log)
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

// NewEngine wires the whole service on an open database whose schema is current. Everything that lasts longer than a
// request comes in as an argument, and stays the caller's to close.
func NewEngine(
	settings config.Settings, db *gorm.DB, hasher *passwords.Pool, log *slog.Logger, now func() time.Time,
) (*gin.Engine, error) {
	keys, err := signingKeys(settings)
	if err != nil {
		return nil, err
	}
	access := tokens.NewAccessTokens(func() tokens.KeySet { return keys }, tokens.AccessTokenOptions{
		Issuer: settings.JWT.Issuer, Audience: settings.JWT.Audience,
		Lifetime: settings.JWT.ExpirationDelta, Leeway: settings.JWT.Leeway,
	}, now)
	refresh, err := tokens.NewOpaque("lkr_", derivedKeys(settings, "refresh-token")...)
	if err != nil {
		return nil, fmt.Errorf("the key of refresh tokens: %w", err)
	}
	users := models.NewUserManager(db, hasher, passwords.NewPolicy(settings.Password.MinLength), now)
	sessions := models.NewSessionManager(db, users, refresh, models.SessionRules{
		Idle: 30 * 24 * time.Hour, Lifetime: 365 * 24 * time.Hour, Grace: 30 * time.Second,
	}, now)
	ready := func(ctx context.Context) error { return database.CheckSchema(ctx, db) }

	engine, err := newEngine(settings)
	if err != nil {
		return nil, err
	}
	global, err := globalPolicies(settings, log, now)
	if err != nil {
		return nil, err
	}
	scheme := settings.JWT.AuthHeaderPrefix
	routes.Register(engine, routes.Controllers{
		Health:   controllers.NewHealth(ready),
		Accounts: controllers.NewAccounts(users, sessions, access),
		Profile:  controllers.NewProfile(users),
		Password: controllers.NewPassword(users),
		Sessions: controllers.NewSessions(sessions, access, scheme),
		Tokens:   controllers.NewTokens(sessions, access),
	}, routes.Policies{
		Global: global,
		User:   []gin.HandlerFunc{middleware.Authenticate(access, scheme), middleware.LoadSession(sessions)},
	})
	return engine, nil
}

// newEngine is Gin without what it does by default and we don't want: trusting proxies, redirecting, guessing paths.
func newEngine(settings config.Settings) (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.UseRawPath = true
	engine.RedirectTrailingSlash = false
	engine.HandleMethodNotAllowed = true
	engine.NoRoute(middleware.NotFound)
	engine.NoMethod(middleware.MethodNotAllowed)
	return engine, engine.SetTrustedProxies(settings.Server.TrustedProxies)
}

func globalPolicies(settings config.Settings, log *slog.Logger, now func() time.Time) ([]gin.HandlerFunc, error) {
	publicURL, err := url.Parse(settings.Server.PublicURL)
	if err != nil {
		return nil, err
	}
	return []gin.HandlerFunc{
		middleware.IdentifyRequest(),
		middleware.Log(log, now),
		middleware.Errors(log, settings.Server.PublicURL, settings.JWT.AuthHeaderPrefix),
		middleware.Harden(settings.Server.PublicURL),
		middleware.RequireOwnHost(publicURL),
		crossOrigin(settings.Server.CORSAllowedOrigins),
		middleware.LimitBody(),
	}, nil
}

// crossOrigin lets pages of the given origins call the API. To all others it says nothing, so that their browsers keep
// the answers from them.
func crossOrigin(origins []string) gin.HandlerFunc {
	if len(origins) == 0 {
		return func(*gin.Context) {}
	}
	allow := cors.New(cors.Config{
		AllowOrigins:  origins,
		AllowMethods:  []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowHeaders:  []string{"Authorization", "Content-Type", "X-Request-ID"},
		ExposeHeaders: []string{"X-Request-ID", "Retry-After", "WWW-Authenticate"},
		MaxAge:        time.Hour,
	})
	return func(c *gin.Context) {
		if slices.Contains(origins, c.GetHeader("Origin")) {
			allow(c)
			return
		}
		c.Writer.Header().Add("Vary", "Origin")
	}
}

// signingKeys are the keys that the settings name. Without one, HS256 signs with a key derived from SECRET_KEY.
func signingKeys(settings config.Settings) (tokens.KeySet, error) {
	key, err := signingKey(settings)
	if err != nil {
		return tokens.KeySet{}, fmt.Errorf("the key that signs tokens: %w", err)
	}
	return tokens.NewKeySet(key)
}

// derivedKeys are the keys of one purpose: that of SECRET_KEY, which makes, and those of its fallbacks, which only verify.
func derivedKeys(settings config.Settings, purpose string) [][]byte {
	keys := [][]byte{tokens.DeriveKey([]byte(settings.SecretKey.Reveal()), purpose)}
	for _, fallback := range settings.SecretKeyFallbacks {
		keys = append(keys, tokens.DeriveKey([]byte(fallback.Reveal()), purpose))
	}
	return keys
}

func signingKey(settings config.Settings) (tokens.Key, error) {
	algorithm, err := tokens.ParseAlgorithm(settings.JWT.Algorithm)
	if err != nil {
		return tokens.Key{}, err
	}
	if algorithm != tokens.HS256 {
		return tokens.ParsePrivateKey(algorithm, []byte(settings.JWT.PrivateKey.Reveal()))
	}
	if secret := settings.JWT.SecretKey.Reveal(); secret != "" {
		return tokens.NewHMACKey([]byte(secret))
	}
	return tokens.NewHMACKey(tokens.DeriveKey([]byte(settings.SecretKey.Reveal()), "access-token"))
}
