package config

import "reflect"

// Variable describes one environment variable. Default is its value in development when it is not given; Secret ones are
// better kept in a file that NAME_FILE names.
type Variable struct {
	Section     string
	Name        string
	Default     string
	Description string
	Secret      bool
}

// Describe lists all variables in the order of .env.example.
func Describe() []Variable {
	fields := fieldsByVariable()
	var variables []Variable
	for _, section := range sections() {
		for _, entry := range section.entries {
			field := fields[entry.name]
			variable := Variable{
				Section: section.title, Name: entry.name, Description: entry.description,
				Default: field.Tag.Get("envDefault"),
				Secret:  field.Type == reflect.TypeFor[Secret]() || field.Type == reflect.TypeFor[[]Secret](),
			}
			if entry.derived != "" {
				variable.Default = entry.derived
			}
			variables = append(variables, variable)
		}
	}
	return variables
}

// fieldsByVariable finds the field of each variable in Settings.
func fieldsByVariable() map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		if name, tagged := field.Tag.Lookup("env"); tagged {
			fields[name] = field
			continue
		}
		if field.Type.Kind() != reflect.Struct {
			continue
		}
		for _, inner := range reflect.VisibleFields(field.Type) {
			fields[inner.Tag.Get("env")] = inner
		}
	}
	return fields
}

type section struct {
	title   string
	entries []entry
}

// entry is a variable and what it is for; derived is the default that deriveDefaults gives it.
type entry struct{ name, derived, description string }

func sections() []section { //nolint:funlen // a table
	return []section{
		{"Service", []entry{
			{"APP_ENV", "", "development, or production, which refuses to start unsafe"},
			{"ADDR", "", "where to listen; in a container :8080, which is every interface"},
			{"PUBLIC_URL", "http://localhost:8080", "origin that clients see; in production required, with https"},
			{"SHUTDOWN_TIMEOUT", "", "how long requests under way may take after SIGTERM"},
			{"TRUSTED_PROXIES", "", "proxies whose X-Forwarded-For is believed, as 10.0.0.0/8,192.0.2.7"},
			{"CORS_ALLOWED_ORIGINS", "", "web origins that may call the API, as https://app.example.com"},
		}},
		{"Secrets", []entry{
			{"SECRET_KEY", "", "at least 32 bytes that all others are derived from; made for you on SQLite in development"},
			{"SECRET_KEY_FALLBACKS", "", "former secret keys that are still accepted, with commas between"},
		}},
		{"Database", []entry{
			{"DATABASE_URL", "", "sqlite:PATH or postgres://USER:PASSWORD@HOST:5432/NAME"},
			{"DB_MAX_OPEN_CONNS", "", "connections open at most"},
			{"DB_MAX_IDLE_CONNS", "", "connections kept when idle; 0 keeps all"},
			{"DB_CONN_MAX_LIFETIME", "", "when a connection is replaced; 0 is never"},
			{"AUTO_MIGRATE", "true", "apply migrations when starting; false on PostgreSQL and in production"},
		}},
		{"Access tokens", []entry{
			{"JWT_ALGORITHM", "ES256", "ES256, EdDSA, RS256 or HS256; the keys are made, kept and rotated for you"},
			{"JWT_KEY_ROTATION", "", "when a key of ours is replaced; 0 is by hand, with latchkey keys rotate"},
			{"JWT_PRIVATE_KEY", "", "a private key of your own as PEM, for RS256, ES256 and EdDSA, instead of ours"},
			{"JWT_SECRET_KEY", "", "a shared secret of your own for HS256, at least 32 bytes, instead of our keys"},
			{"JWT_ISSUER", "", "claim iss; PUBLIC_URL when not given"},
			{"JWT_AUDIENCE", "", "claim aud; PUBLIC_URL when not given"},
			{"JWT_EXPIRATION_DELTA", "", "how long an access token lives, as 5m or 300 (seconds); at most 24h"},
			{"JWT_EXPIRATION_JITTER", "", "share of that by which each is shortened at random, so that phones don't all refresh at once"},
			{"JWT_LEEWAY", "", "how far clocks may differ; at most 2m"},
			{"JWT_AUTH_HEADER_PREFIX", "", "scheme of the Authorization header"},
			{"JWT_VERIFY", "", "signatures are always verified; false stops the start"},
			{"JWT_VERIFY_EXPIRATION", "", "expired tokens are always refused; false stops the start"},
		}},
		{"Sessions", []entry{
			{"SESSION_IDLE_TIMEOUT", "", "when a session ends that is not refreshed"},
			{"SESSION_LIFETIME", "", "when a session ends in any case"},
			{"REFRESH_GRACE", "", "how long the same refresh token gets the same answer, for retries and races"},
		}},
		{"Passwords", []entry{
			{"PASSWORD_MIN_LENGTH", "", "characters of a new password, from 8 to 64"},
			{"PASSWORD_HASH_CONCURRENCY", "", "passwords hashed at once; 0 is one for each core"},
			{"PASSWORD_HASH_WAIT", "", "how long a login waits for its turn to hash before it is told to come back"},
			{"PASSWORD_HASH", "", "argon2id, bcrypt, scrypt or pbkdf2_sha256; a login upgrades hashes made with other settings"},
			{"PASSWORD_ARGON2_MEMORY", "", "KiB that each argon2id hash takes; latchkey passwords calibrate finds costs for this machine"},
			{"PASSWORD_ARGON2_TIME", "", "passes of argon2id over its memory"},
			{"PASSWORD_ARGON2_THREADS", "", "lanes of argon2id"},
			{"PASSWORD_BCRYPT_COST", "", "rounds of bcrypt, as a power of two"},
			{"PASSWORD_SCRYPT_N", "", "cost of scrypt, a power of two; a hash takes N × r × 128 bytes"},
			{"PASSWORD_SCRYPT_R", "", "block size of scrypt"},
			{"PASSWORD_SCRYPT_P", "", "parallelism of scrypt"},
			{"PASSWORD_PBKDF2_ITERATIONS", "", "iterations of pbkdf2_sha256"},
			{"PASSWORD_ALLOW_LEGACY_HASHES", "", "weak formats of imported hashes to let log in: md5, sha1, unsalted_md5, unsalted_sha1"},
		}},
		{"Accounts", []entry{
			{"EMAIL_VERIFICATION", "", "off; optional: new addresses are asked to confirm; required: before they can log in"},
			{"SECURITY_NOTICES", "", "off: no mail about new devices, changed passwords and ended sessions"},
			{"ACCOUNT_DELETION_GRACE", "", "how long after a user deleted his account a login brings it back; 0 is not at all"},
		}},
		{"Abuse", []entry{
			{"SIGNUP_ENUMERATION_SAFE", "", "true answers a signup alike whether or not the email has an account, and opens no session"},
			{"AUDIT_RETENTION", "", "how long events that matter for security are kept"},
		}},
		mailSection(),
		{"Rate limits (COUNT/PERIOD, the count is also the burst)", []entry{
			{"RATE_LIMITS", "", "off turns all of them off, for tests"},
			{"RATE_LIMIT_LOGIN", "", "logins from one address (IPv6: one /64)"},
			{"RATE_LIMIT_LOGIN_ACCOUNT", "", "logins to one account, from each known device and from all strangers together"},
			{"RATE_LIMIT_SIGNUP", "", "sign-ups from one address"},
			{"RATE_LIMIT_SIGNUP_ACCOUNT", "", "sign-ups with one email"},
			{"RATE_LIMIT_REFRESH", "", "refreshes from one address"},
			{"RATE_LIMIT_REFRESH_ACCOUNT", "", "refreshes of one session"},
			{"RATE_LIMIT_MAIL", "", "requests from one address that send mail"},
			{"RATE_LIMIT_MAIL_ACCOUNT", "", "requests about one account that send mail"},
			{"RATE_LIMIT_SECRET", "", "requests from one address that check a secret, as a change of password does"},
			{"RATE_LIMIT_SECRET_ACCOUNT", "", "requests about one account that check a secret"},
			{"REDIS_URL", "", "redis://USER:PASSWORD@HOST:6379/0, for replicas to count together; each for itself without"},
			{"REDIS_TIMEOUT", "", "how long Redis may take to answer before a replica counts for itself"},
		}},
		{"Metrics", []entry{
			{"METRICS_ADDR", "", "where Prometheus fetches GET /metrics, as 127.0.0.1:9090; nowhere when empty"},
		}},
		{"Logs", []entry{
			{"LOG_FORMAT", "text", "text or json; json in production"},
			{"LOG_LEVEL", "", "debug, info, warn or error"},
		}},
		{"Moving in from Django", []entry{
			{"DJANGO_DATABASE_URL", "", "where latchkey import django reads, as postgres://USER:PASSWORD@HOST:5432/NAME"},
			{"DJANGO_COMPAT", "", "true answers the paths of Django's JWT libraries too, in their shapes; see docs/from-django.md"},
			{"DJANGO_SECRET_KEY", "", "Django's SECRET_KEY, to accept the tokens that it signed"},
			{"DJANGO_TOKENS_UNTIL", "", "the last day on which they are good (UTC), as 2026-12-31: when the longest refresh token ends"},
			{"DJANGO_TOKENS_ISSUER", "", "the iss of these tokens, if Django was told one (SIMPLE_JWT[\"ISSUER\"])"},
			{"DJANGO_TOKENS_AUDIENCE", "", "their aud, or one of several, if Django was told any (SIMPLE_JWT[\"AUDIENCE\"])"},
		}},
		{"createsuperuser --no-input", []entry{
			{"SUPERUSER_EMAIL", "", "email address of the superuser"},
			{"SUPERUSER_PASSWORD", "", "password of the superuser"},
		}},
	}
}
