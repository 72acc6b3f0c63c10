// Package config owns the settings: where they come from (the environment, .env and the files that NAME_FILE names),
// what they may be, and what is unsafe. It hands out plain values and does not act on them; only [EnsureSecretKey]
// writes a file.
package config

import (
	"log/slog"
	"strings"
	"time"
)

// The values of APP_ENV.
const (
	Development = "development"
	Production  = "production"
)

// Settings are all settings of the service, as [Load] found them valid. Printing them shows no secret.
type Settings struct {
	Environment        string   `env:"APP_ENV" envDefault:"development"`
	SecretKey          Secret   `env:"SECRET_KEY"`
	SecretKeyFallbacks []Secret `env:"SECRET_KEY_FALLBACKS"`

	Server    Server
	Database  Database
	JWT       JWT
	Session   Session
	Password  Password
	Hash      Hash
	Abuse     Abuse
	Account   Account
	Mail      Mail
	RateLimit RateLimit
	Metrics   Metrics
	Log       Log
	Superuser Superuser
	Django    Django

	// Warnings are what looks like a mistake and is no reason not to start, such as a misspelt variable.
	Warnings []string
}

// Server is where the service listens and whom it answers. PublicURL is an origin, without a slash at its end.
type Server struct {
	Addr               string        `env:"ADDR" envDefault:"127.0.0.1:8080"`
	PublicURL          string        `env:"PUBLIC_URL"`
	TrustedProxies     []string      `env:"TRUSTED_PROXIES"`
	CORSAllowedOrigins []string      `env:"CORS_ALLOWED_ORIGINS"`
	ShutdownTimeout    time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"20s"`
}

// Database is where the data is kept. Zero MaxIdleConns means as many as MaxOpenConns, zero ConnMaxLifetime for ever.
type Database struct {
	URL             Secret        `env:"DATABASE_URL" envDefault:"sqlite:latchkey.db"`
	MaxOpenConns    int           `env:"DB_MAX_OPEN_CONNS" envDefault:"10"`
	MaxIdleConns    int           `env:"DB_MAX_IDLE_CONNS" envDefault:"0"`
	ConnMaxLifetime time.Duration `env:"DB_CONN_MAX_LIFETIME" envDefault:"30m"`
	AutoMigrate     bool          `env:"AUTO_MIGRATE"`
}

// JWT is how access tokens are signed and checked. Verify and VerifyExpiration are always true.
type JWT struct {
	Algorithm        string        `env:"JWT_ALGORITHM"`
	SecretKey        Secret        `env:"JWT_SECRET_KEY"`
	PrivateKey       Secret        `env:"JWT_PRIVATE_KEY"`
	Issuer           string        `env:"JWT_ISSUER"`
	Audience         string        `env:"JWT_AUDIENCE"`
	ExpirationDelta  time.Duration `env:"JWT_EXPIRATION_DELTA" envDefault:"5m"`
	Jitter           float64       `env:"JWT_EXPIRATION_JITTER" envDefault:"0.05"`
	Leeway           time.Duration `env:"JWT_LEEWAY" envDefault:"5s"`
	KeyRotation      time.Duration `env:"JWT_KEY_ROTATION" envDefault:"2160h"`
	AuthHeaderPrefix string        `env:"JWT_AUTH_HEADER_PREFIX" envDefault:"Bearer"`
	Verify           bool          `env:"JWT_VERIFY" envDefault:"true"`
	VerifyExpiration bool          `env:"JWT_VERIFY_EXPIRATION" envDefault:"true"`
}

// Session is how long a login lasts: without a refresh, and in any case. For RefreshGrace after a refresh the same refresh
// token is answered again as it was.
type Session struct {
	IdleTimeout  time.Duration `env:"SESSION_IDLE_TIMEOUT" envDefault:"720h"`
	Lifetime     time.Duration `env:"SESSION_LIFETIME" envDefault:"8760h"`
	RefreshGrace time.Duration `env:"REFRESH_GRACE" envDefault:"30s"`
}

// Password is the policy for new passwords and the pool that hashes them. Zero HashConcurrency means one for each core.
type Password struct {
	MinLength       int           `env:"PASSWORD_MIN_LENGTH" envDefault:"8"`
	HashConcurrency int           `env:"PASSWORD_HASH_CONCURRENCY" envDefault:"0"`
	HashWait        time.Duration `env:"PASSWORD_HASH_WAIT" envDefault:"2s"`
}

// Hash is how new passwords are hashed: its algorithm, and the costs of each that there is. AllowLegacy names formats of
// stored hashes that are too weak to be verified elsewhere.
type Hash struct {
	Algorithm        string   `env:"PASSWORD_HASH" envDefault:"argon2id"`
	Argon2Memory     int      `env:"PASSWORD_ARGON2_MEMORY" envDefault:"19456"`
	Argon2Time       int      `env:"PASSWORD_ARGON2_TIME" envDefault:"2"`
	Argon2Threads    int      `env:"PASSWORD_ARGON2_THREADS" envDefault:"1"`
	BcryptCost       int      `env:"PASSWORD_BCRYPT_COST" envDefault:"12"`
	ScryptN          int      `env:"PASSWORD_SCRYPT_N" envDefault:"32768"`
	ScryptR          int      `env:"PASSWORD_SCRYPT_R" envDefault:"8"`
	ScryptP          int      `env:"PASSWORD_SCRYPT_P" envDefault:"3"`
	PBKDF2Iterations int      `env:"PASSWORD_PBKDF2_ITERATIONS" envDefault:"600000"`
	AllowLegacy      []string `env:"PASSWORD_ALLOW_LEGACY_HASHES"`
}

// Abuse is how the service keeps what would help somebody who attacks it, and for how long it remembers who did what.
type Abuse struct {
	SignupEnumerationSafe bool          `env:"SIGNUP_ENUMERATION_SAFE" envDefault:"false"`
	AuditRetention        time.Duration `env:"AUDIT_RETENTION" envDefault:"9600h"`
}

// Account is what becomes of accounts. EmailVerification is one of the constants below.
type Account struct {
	EmailVerification string        `env:"EMAIL_VERIFICATION" envDefault:"optional"`
	SecurityNotices   Switch        `env:"SECURITY_NOTICES" envDefault:"on"`
	DeletionGrace     time.Duration `env:"ACCOUNT_DELETION_GRACE" envDefault:"336h"`
}

// The values of EMAIL_VERIFICATION: new addresses are not asked to be confirmed, are asked, or have to be before a login.
const (
	VerificationOff      = "off"
	VerificationOptional = "optional"
	VerificationRequired = "required"
)

// Mail is how letters to users are delivered. SMTPURL is a server's, or "none"; without it, in development, they are kept
// for looking at. The links are where those in letters lead, if not to our own pages.
type Mail struct {
	SMTPURL      Secret `env:"SMTP_URL"`
	From         string `env:"MAIL_FROM"`
	TemplatesDir string `env:"MAIL_TEMPLATES_DIR"`
	LinkVerify   string `env:"MAIL_LINK_VERIFY"`
	LinkReset    string `env:"MAIL_LINK_RESET"`
	LinkUndo     string `env:"MAIL_LINK_UNDO"`
}

// RateLimit is how often clients may do what costs much or can be guessed: each by the client's address and, in the field
// beside it, by the account. Without a RedisURL every replica counts for itself.
type RateLimit struct {
	Enabled        Switch        `env:"RATE_LIMITS" envDefault:"on"`
	Login          Quota         `env:"RATE_LIMIT_LOGIN" envDefault:"30/1m"`
	LoginAccount   Quota         `env:"RATE_LIMIT_LOGIN_ACCOUNT" envDefault:"10/1m"`
	Signup         Quota         `env:"RATE_LIMIT_SIGNUP" envDefault:"30/5m"`
	SignupAccount  Quota         `env:"RATE_LIMIT_SIGNUP_ACCOUNT" envDefault:"10/5m"`
	Refresh        Quota         `env:"RATE_LIMIT_REFRESH" envDefault:"1200/1m"`
	RefreshAccount Quota         `env:"RATE_LIMIT_REFRESH_ACCOUNT" envDefault:"60/1m"`
	Mail           Quota         `env:"RATE_LIMIT_MAIL" envDefault:"20/10m"`
	MailAccount    Quota         `env:"RATE_LIMIT_MAIL_ACCOUNT" envDefault:"5/15m"`
	Secret         Quota         `env:"RATE_LIMIT_SECRET" envDefault:"60/5m"`
	SecretAccount  Quota         `env:"RATE_LIMIT_SECRET_ACCOUNT" envDefault:"10/15m"`
	RedisURL       Secret        `env:"REDIS_URL"`
	RedisTimeout   time.Duration `env:"REDIS_TIMEOUT" envDefault:"30ms"`
}

// Metrics is where Prometheus fetches metrics; nowhere if Addr is empty.
type Metrics struct {
	Addr string `env:"METRICS_ADDR"`
}

// Log is what is logged, and how: Format is "text" or "json".
type Log struct {
	Format string     `env:"LOG_FORMAT"`
	Level  slog.Level `env:"LOG_LEVEL" envDefault:"info"`
}

// Superuser is whom createsuperuser --no-input creates.
type Superuser struct {
	Email    string `env:"SUPERUSER_EMAIL"`
	Password Secret `env:"SUPERUSER_PASSWORD"`
}

// Django is what is left of a service that moved here. DatabaseURL is where its users are imported from; with Compat its
// clients find its paths here, and before TokensUntil the tokens are good that it signed with SecretKey, as TokensIssuer for
// TokensAudience.
type Django struct {
	Compat      bool   `env:"DJANGO_COMPAT" envDefault:"false"`
	DatabaseURL Secret `env:"DJANGO_DATABASE_URL"`
	SecretKey   Secret `env:"DJANGO_SECRET_KEY"`

	TokensUntil    Deadline `env:"DJANGO_TOKENS_UNTIL"`
	TokensIssuer   string   `env:"DJANGO_TOKENS_ISSUER"`
	TokensAudience string   `env:"DJANGO_TOKENS_AUDIENCE"`
}

// ManagesKeys tells whether the keys that sign tokens are made and kept by the service: neither a private key nor a shared
// secret is given.
func (j JWT) ManagesKeys() bool { return !j.PrivateKey.IsSet() && !j.SecretKey.IsSet() }

// InProduction tells whether APP_ENV is production.
func (s Settings) InProduction() bool { return s.Environment == Production }

// Load reads the settings from environ, which is like [os.Environ], and from the file .env in dir, if there is one; the
// environment wins. The value of any variable may be in a file that NAME_FILE names. The error is a [Faults] with all
// faults at once; the settings that come with it are what could be understood, for nothing but looking. Load writes
// nothing: SecretKey stays unset in development on SQLite, for [EnsureSecretKey].
func Load(environ []string, dir string) (Settings, error) {
	dotenv, err := readDotenv(dir)
	if err != nil {
		return Settings{}, err // without .env every other complaint might be a false one
	}
	given := split(environ)
	values, faults := gather(dir, given, dotenv)
	settings, unparsed := parse(values)
	faults = append(faults, unparsed...)
	settings.deriveDefaults(values)
	faults = append(faults, settings.check(faults)...)
	settings.Warnings = unknown(given, dotenv)
	if len(faults) > 0 {
		return settings, faults.sorted()
	}
	return settings, nil
}

// deriveDefaults fills in what depends on other settings.
func (s *Settings) deriveDefaults(values map[string]string) {
	if s.Server.PublicURL == "" && !s.InProduction() {
		s.Server.PublicURL = localURL(s.Server.Addr)
	}
	if origin, err := parseOrigin(strings.TrimSuffix(s.Server.PublicURL, "/")); err == nil {
		s.Server.PublicURL = origin
	}
	for link, page := range map[*string]string{
		&s.Mail.LinkVerify: "/verify-email", &s.Mail.LinkReset: "/reset-password", &s.Mail.LinkUndo: "/undo-email-change",
	} {
		if *link == "" {
			*link = s.Server.PublicURL + page
		}
	}
	if s.JWT.Algorithm == "" {
		s.JWT.Algorithm = "ES256"
		if s.JWT.SecretKey.IsSet() {
			s.JWT.Algorithm = hs256
		}
	}
	if s.JWT.Issuer == "" {
		s.JWT.Issuer = s.Server.PublicURL
	}
	if s.JWT.Audience == "" {
		s.JWT.Audience = s.Server.PublicURL
	}
	if s.Log.Format == "" {
		s.Log.Format = "text"
		if s.InProduction() {
			s.Log.Format = "json"
		}
	}
	if _, given := values["AUTO_MIGRATE"]; !given {
		s.Database.AutoMigrate = s.Database.IsSQLite() && !s.InProduction()
	}
}
