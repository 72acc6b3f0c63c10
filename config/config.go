// Package config owns the settings: their names, defaults and rules, and how they come from the environment, a .env file
// and files named by NAME_FILE. It opens nothing that a setting names, but for the file of the development secret.
package config

import "time"

// The values of APP_ENV.
const (
	Development = "development"
	Production  = "production"
)

// Settings are everything that can be set. The tags name each variable, its default and what it is for; .env.example and
// Describe come from the same words.
type Settings struct {
	Env       string `env:"APP_ENV" envDefault:"development" desc:"development or production; production refuses to start unsafe"`
	SecretKey Secret `env:"SECRET_KEY" desc:"root of every derived key, at least 32 bytes; made on the first run on SQLite in development"`
	// SecretKeyFallbacks verify what was made under an earlier SECRET_KEY.
	SecretKeyFallbacks []Secret `env:"SECRET_KEY_FALLBACKS" desc:"earlier secret keys, comma-separated, which still verify but never sign"`

	Server    Server
	Database  Database
	JWT       JWT
	Password  Password
	Log       Log
	Superuser Superuser

	// Warnings are sentences about variables that look like misspelt settings.
	Warnings []string
}

// Server is where and how HTTP is served.
type Server struct {
	Addr               string        `env:"ADDR" envDefault:"127.0.0.1:8080" desc:"host:port to listen at; 0.0.0.0:8080 for every interface"`
	PublicURL          string        `env:"PUBLIC_URL" desc:"the URL users reach the service at; http://localhost:PORT in development, required with https in production"`
	TrustedProxies     []string      `env:"TRUSTED_PROXIES" desc:"addresses or CIDRs of the proxies whose X-Forwarded-For counts, comma-separated"`
	CORSAllowedOrigins []string      `env:"CORS_ALLOWED_ORIGINS" desc:"origins of the web pages that may call the API, comma-separated"`
	ShutdownTimeout    time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"20s" desc:"how long requests under way may take to finish at shutdown"`
}

// Database is what is stored where.
type Database struct {
	URL             Secret        `env:"DATABASE_URL" envDefault:"sqlite:latchkey.db" desc:"sqlite:path or postgres://user:password@host:port/name"`
	MaxOpenConns    int           `env:"DB_MAX_OPEN_CONNS" envDefault:"10" desc:"connections open at once, for each process"`
	MaxIdleConns    int           `env:"DB_MAX_IDLE_CONNS" envDefault:"10" desc:"connections kept open while idle"`
	ConnMaxLifetime time.Duration `env:"DB_CONN_MAX_LIFETIME" envDefault:"30m" desc:"when a connection is replaced"`
	AutoMigrate     *bool         `env:"AUTO_MIGRATE" desc:"apply migrations at start; true on SQLite in development, else false"`
}

// JWT is how access tokens are signed and what they say.
type JWT struct {
	Algorithm        string        `env:"JWT_ALGORITHM" envDefault:"HS256" desc:"HS256, RS256, ES256 or EdDSA"`
	SecretKey        Secret        `env:"JWT_SECRET_KEY" desc:"secret for HS256, at least 32 bytes; derived from SECRET_KEY unless set"`
	PrivateKey       Secret        `env:"JWT_PRIVATE_KEY" desc:"PEM of the private key for RS256, ES256 or EdDSA"`
	Issuer           string        `env:"JWT_ISSUER" desc:"iss of tokens; PUBLIC_URL unless set"`
	Audience         string        `env:"JWT_AUDIENCE" desc:"aud of tokens; PUBLIC_URL unless set"`
	ExpirationDelta  time.Duration `env:"JWT_EXPIRATION_DELTA" envDefault:"5m" desc:"lifetime of an access token, such as 5m or 300 (seconds)"`
	Leeway           time.Duration `env:"JWT_LEEWAY" envDefault:"0s" desc:"by how much the clocks of several servers may differ"`
	AuthHeaderPrefix string        `env:"JWT_AUTH_HEADER_PREFIX" envDefault:"Bearer" desc:"the scheme before the token in the Authorization header"`
	Verify           bool          `env:"JWT_VERIFY" envDefault:"true" desc:"verification can't be turned off; only true is accepted"`
	VerifyExpiration bool          `env:"JWT_VERIFY_EXPIRATION" envDefault:"true" desc:"expiry can't be turned off; only true is accepted"`
}

// Password is what a password must be and what its hashing may cost.
type Password struct {
	MinLength       int           `env:"PASSWORD_MIN_LENGTH" envDefault:"8" desc:"characters a new password needs, 8 to 64; 15 where there is no second factor"`
	HashConcurrency int           `env:"PASSWORD_HASH_CONCURRENCY" envDefault:"0" desc:"passwords hashed at once; 0 is one for each core"`
	HashWait        time.Duration `env:"PASSWORD_HASH_WAIT" envDefault:"2s" desc:"how long a request may wait for its hash to start"`
}

// Log is how the log is written. It goes to stderr.
type Log struct {
	Format string `env:"LOG_FORMAT" desc:"text or json; text in development, json in production"`
	Level  string `env:"LOG_LEVEL" envDefault:"info" desc:"debug, info, warn or error"`
}

// Superuser is what createsuperuser --no-input creates.
type Superuser struct {
	Email    string `env:"SUPERUSER_EMAIL" desc:"for createsuperuser --no-input"`
	Password Secret `env:"SUPERUSER_PASSWORD" desc:"for createsuperuser --no-input; remove it afterwards"`
}

// Production says whether the settings are those of a production server.
func (s Settings) Production() bool { return s.Env == Production }
