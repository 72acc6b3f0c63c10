package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const pemKey = `-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----`

func TestEachFault(t *testing.T) {
	mailFrom := []string{"MAIL_FROM=a@b.example"}
	for _, test := range []struct {
		variable string
		values   []string
		problem  string
		with     []string // other variables
	}{
		{"APP_ENV", []string{"prod", "Production"}, "not known", nil},
		{"ADDR", []string{"8080", "localhost", "1.2.3.4:http", ":70000", "a b:80", "::1:80", "[::1]", "u:HUSH@h:80"},
			"not an address", nil},
		{"PUBLIC_URL", []string{"https://x.example/auth", "https://x.example//", "https://x.example?a", "https://x.example#"},
			"something after the host", nil},
		{"PUBLIC_URL", []string{"x.example", "ftp://x.example", "//x.example", "javascript:alert(1)"}, "does not begin", nil},
		{"PUBLIC_URL", []string{"https://", "https://:80", "https://bücher.example", "https://a..b", "https://*.example"},
			"no usable host", nil},
		{"PUBLIC_URL", []string{"https://u:HUSH@x.example"}, "user name or password", nil},
		{"PUBLIC_URL", []string{"https://x.example:0", "https://x.example:99999", "https://x.example:"},
			"no usable port", nil},
		{"PUBLIC_URL", []string{"", " "}, "required in production", production("PUBLIC_URL=")},
		{"PUBLIC_URL", []string{"http://auth.example.com", "http://localhost:8080"}, "https:// in production", production()},
		{"SECRET_KEY", []string{"short", strings.Repeat("x", 31)}, "needs at least 32", nil},
		{"SECRET_KEY", []string{""}, "required in production", production("SECRET_KEY=")},
		{"SECRET_KEY", []string{""}, "required with PostgreSQL", []string{"DATABASE_URL=postgresql://localhost/x"}},
		{"SECRET_KEY", []string{strings.Repeat("x", 64), strings.Repeat("Zk3+u", 20), "abababababababababcdcdcdcdcdcdcdcd"},
			"too little randomness", production()},
		{"SECRET_KEY", []string{"django-insecure-" + strongKey, "Please-Change-Me-" + strongKey},
			"reads like an example", production()},
		{"SECRET_KEY_FALLBACKS", []string{"short", strongKey + ",short"}, "below 32 bytes", nil},
		{"DATABASE_URL", []string{"latchkey.db", "mysql://u:p@h/d", "host=h password=HUSH", "SQLITE:x", "postgres",
			"postgresqlx://"},
			"neither SQLite nor PostgreSQL", nil},
		{"DATABASE_URL", []string{"sqlite:", "sqlite://"}, "names no file", nil},
		{"DATABASE_URL", []string{"sqlite::memory:"}, "in memory", nil},
		{"DATABASE_URL", []string{"sqlite:file:a.db"}, "file:", nil},
		{"DATABASE_URL", []string{"sqlite:a.db?mode=ro"}, "options", nil},
		{"DATABASE_URL", []string{"postgres://u:HUSH#x@h/d", "postgres://u:HUSH/x@h/d", "postgres://u:%zz@h/d"},
			"can't be read as a URL", []string{"SECRET_KEY=" + strongKey}},
		{"DATABASE_URL", []string{"postgres:latchkey"}, "slashes", []string{"SECRET_KEY=" + strongKey}},
		{"DB_MAX_OPEN_CONNS", []string{"0", "-1"}, "from 1 to", nil},
		{"DB_MAX_OPEN_CONNS", []string{"ten", "1.5", "99999999999999999999"}, "not a whole number", nil},
		{"DB_MAX_IDLE_CONNS", []string{"-1"}, "from 0 to", nil},
		{"DB_CONN_MAX_LIFETIME", []string{"-1s", "25h"}, "from 0s to 24h", nil},
		{"EMAIL_VERIFICATION", []string{"on", "Required"}, "not known", nil},
		{"EMAIL_VERIFICATION", []string{"required"}, "sends no mail", []string{"SMTP_URL=none"}},
		{"SECURITY_NOTICES", []string{"some"}, "not on or off", nil},
		{"ACCOUNT_DELETION_GRACE", []string{"-1h", "9000h"}, "from 0s to", nil},
		{"MAIL_LINK_VERIFY", []string{"verify", "mailto:a@b.example", "https://"}, "not a link", nil},
		{"MAIL_LINK_RESET", []string{"javascript://x", "https://u:HUSH@a.example/", "https://a.example/#x"}, "no mail should have", nil},
		{"MAIL_LINK_UNDO", []string{"http://a.example/undo"}, "https://", production()},
		{"RATE_LIMITS", []string{"yes", "OFF"}, "not on or off", nil},
		{"RATE_LIMIT_LOGIN", []string{"30", "30/", "/1m", "x/1m", "30/x", "0/1m", "-1/1m", "1000001/1m", "30/1ms", "30/25h",
			"1/1m/1"}, "not a quota", nil},
		{"REDIS_URL", []string{"localhost:6379", "http://HUSH@h", "redis://h/x", "redis://:HUSH@h:6379/0?x=1", "unix:///tmp/s"},
			"not the URL of a Redis server", nil},
		{"REDIS_TIMEOUT", []string{"0", "11s"}, "from 1ms to 10s", nil},
		{"METRICS_ADDR", []string{"9090", "a b:80"}, "not an address", nil},
		{"METRICS_ADDR", []string{"127.0.0.1:8080"}, "that of ADDR", nil},
		{"AUTO_MIGRATE", []string{"yes", "on"}, "not a truth value", nil},
		{"JWT_ALGORITHM", []string{"none", "hs256", "HS512"}, "not known", nil},
		{"JWT_SECRET_KEY", []string{"short"}, "needs at least 32", nil},
		{"JWT_SECRET_KEY", []string{strings.Repeat("x", 32)}, "randomness", production()},
		{"JWT_SECRET_KEY", []string{strongKey}, "only HS256", []string{"JWT_ALGORITHM=ES256", "JWT_PRIVATE_KEY=" + pemKey}},
		{"JWT_PRIVATE_KEY", []string{pemKey}, "HS256 signs with a shared secret", []string{"JWT_ALGORITHM=HS256"}},
		{"SECRET_KEY", []string{strongKey + ","}, "has a comma", nil},
		{"JWT_EXPIRATION_JITTER", []string{"x"}, "not a number", nil},
		{"JWT_EXPIRATION_JITTER", []string{"-0.1", "0.51", "NaN", "Inf"}, "not between 0 and 0.5", nil},
		{"JWT_KEY_ROTATION", []string{"-1s", "1h", "87601h"}, "from 24h", nil},
		{"SESSION_IDLE_TIMEOUT", []string{"0", "59s", "87601h"}, "from 1m", nil},
		{"SESSION_LIFETIME", []string{"0", "59s", "87601h"}, "from 1m", nil},
		{"REFRESH_GRACE", []string{"-1s", "11m"}, "from 0s to 10m", nil},
		{"JWT_PRIVATE_KEY", []string{"HUSH"}, "not a PEM", []string{"JWT_ALGORITHM=RS256"}},
		{"JWT_PRIVATE_KEY", []string{strings.ReplaceAll(pemKey, "PRIVATE", "PUBLIC")}, "not of a private key",
			[]string{"JWT_ALGORITHM=ES256"}},
		{"JWT_EXPIRATION_DELTA", []string{"0", "-5m", "24h1s", "86401", "500ms"}, "from 1s to 24h", nil},
		{"JWT_EXPIRATION_DELTA", []string{"5 minutes", "timedelta(minutes=5)", "9999999999999", "1e3",
			"5" + strings.Repeat("m", 99)}, "not a duration", nil},
		{"JWT_LEEWAY", []string{"-1s", "121"}, "from 0s to 2m", nil},
		{"JWT_AUTH_HEADER_PREFIX", []string{"Be arer", "Bearer:", "Bée", "\"JWT\""}, "no header can begin with", nil},
		{"JWT_VERIFY", []string{"false", "0", "False"}, "anyone can write them", nil},
		{"JWT_VERIFY", []string{"no"}, "not a truth value", nil},
		{"JWT_VERIFY_EXPIRATION", []string{"false"}, "stolen token", nil},
		{"PASSWORD_MIN_LENGTH", []string{"0", "7", "65"}, "from 8 to 64", nil},
		{"PASSWORD_HASH_CONCURRENCY", []string{"-1", "1025"}, "from 0 to 1024", nil},
		{"PASSWORD_HASH_WAIT", []string{"0", "31s"}, "from 1ms to 30s", nil},
		{"PASSWORD_HASH", []string{"md5", "Argon2id", "argon2i", "pbkdf2-sha256"}, "not known", nil},
		{"PASSWORD_ARGON2_MEMORY", []string{"0", "7", "131073"}, "from 8 to 131072", nil},
		{"PASSWORD_ARGON2_MEMORY", []string{"19 MiB", "19456KiB"}, "not a whole number", nil},
		{"PASSWORD_ARGON2_TIME", []string{"0", "1025"}, "from 1 to 1024", nil},
		{"PASSWORD_ARGON2_THREADS", []string{"0", "17"}, "from 1 to 16", nil},
		{"PASSWORD_BCRYPT_COST", []string{"0", "3", "16", "31"}, "from 4 to 15", nil},
		{"PASSWORD_SCRYPT_N", []string{"-2", "0", "1", "2097152"}, "from 2 to", nil},
		{"PASSWORD_SCRYPT_N", []string{"15", "32767"}, "not a power of two", nil},
		{"PASSWORD_SCRYPT_R", []string{"0", "65"}, "from 1 to 64", nil},
		{"PASSWORD_SCRYPT_P", []string{"0", "17"}, "from 1 to 16", nil},
		{"PASSWORD_PBKDF2_ITERATIONS", []string{"0", "4000001"}, "from 1 to 4000000", nil},
		{"PASSWORD_ALLOW_LEGACY_HASHES", []string{"crypt", "md5,crypt,bogus", "MD5"}, "not known", nil},
		{"AUDIT_RETENTION", []string{"0", "23h", "87601h"}, "from 24h0m0s to 87600h0m0s", nil},
		{"TRUSTED_PROXIES", []string{"proxy.example", "10.0.0.0/33", "10.0.0.0/", "fe80::1%eth0", "*", "::ffff:0:0/90"},
			"neither an address nor a network", nil},
		{"TRUSTED_PROXIES", []string{"0.0.0.0/0", "10.0.0.1,::/0", "1.2.3.4/0", "::ffff:0.0.0.0/96"},
			"choose its own address", production()},
		{"CORS_ALLOWED_ORIGINS", []string{"*", "https://*.example.com"}, "wildcard", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"null"}, "sandboxed", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"https://a.example/", "https://a.example/app"}, "after the host", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"a.example", "capacitor://localhost", "file://"}, "does not begin", nil},
		{"SMTP_URL", []string{""}, "required in production", production()},
		{"SMTP_URL", []string{"mail.example.com:587", "http://h", "off", "NONE", "//h"}, "does not begin with smtp", mailFrom},
		{"SMTP_URL", []string{"smtp://u:HU/SH@h", "smtp://u:HUSH%@h", "smtp://u:p@h:5x"}, "can't be read as a URL", mailFrom},
		{"SMTP_URL", []string{"smtp://", "smtp://-", "smtp://a b.example", "smtp://:587"}, "", mailFrom},
		{"SMTP_URL", []string{"smtp://h:0", "smtp://h:65536"}, "no usable port", mailFrom},
		{"SMTP_URL", []string{"smtp://u:HUSH@h/x", "smtp://h#x"}, "after the host", mailFrom},
		{"SMTP_URL", []string{"smtp://u@h", "smtp://:HUSH@h"}, "without", mailFrom},
		{"SMTP_URL", []string{"smtp://u:HUSH@h?tls=none"}, "travel in clear", mailFrom},
		{"SMTP_URL", []string{"smtp://h?tls=off", "smtp://h?tls", "smtp://h?TLS=none", "smtp://h?tls=none&x=y", "smtp://h?%"},
			"other options", mailFrom},
		{"SMTP_URL", []string{"smtps://h?tls=none"}, "and has tls=none", mailFrom},
		{"MAIL_FROM", []string{""}, "required with SMTP_URL", []string{"SMTP_URL=smtp://h"}},
		{"MAIL_FROM", []string{"Acme", "a@b, c@d", "Acme <a@b> x", "@"}, "not an email address", nil},
		{"MAIL_FROM", []string{"Größe <grüße@example.com>", "a@grüße.example"}, "ASCII", nil},
		{"LOG_FORMAT", []string{"JSON", "logfmt"}, "not known", nil},
		{"LOG_LEVEL", []string{"verbose", "5"}, "not a level", nil},
		{"SHUTDOWN_TIMEOUT", []string{"0", "11m"}, "from 1s to 10m", nil},
		{"JWT_ISSUER", []string{"a\nb", "a\x7fb", "a\xffb"}, "control character", nil},
	} {
		for _, value := range test.values {
			t.Run(test.variable+"="+value, func(t *testing.T) {
				faults := faulty(t, t.TempDir(), append(test.with, test.variable+"="+value)...)
				require.Len(t, faults, 1)
				require.Contains(t, faults[test.variable].Problem, test.problem)
				require.NotContains(t, text(faults[test.variable]), "HUSH")
			})
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	dir := folder(t, map[string]string{".env": "PASSWORD_MIN_LENGTH=three\n"})
	faults := faulty(t, dir, "APP_ENV=production", "LOG_LEVEL=loud", "JWT_VERIFY=false", "TRUSTED_PROXIES=0.0.0.0/0",
		"DATABASE_URL=mysql://h/d", "JWT_SECRET_KEY_FILE=missing", "JWT_EXPIRATION_DELTA=soon",
		"CORS_ALLOWED_ORIGINS=https://a.example")
	require.Len(t, faults, 10)
	for _, variable := range []string{
		"PUBLIC_URL", "SECRET_KEY", "SMTP_URL", "LOG_LEVEL", "JWT_VERIFY", "TRUSTED_PROXIES", "DATABASE_URL", "JWT_SECRET_KEY",
		"JWT_EXPIRATION_DELTA", "PASSWORD_MIN_LENGTH",
	} {
		require.Contains(t, faults, variable)
	}
	require.Contains(t, faults["SECRET_KEY"].Remedy, "openssl rand -base64 48")
}

func TestFaultsReadAsAPage(t *testing.T) {
	_, err := loadIn(t, "JWT_EXPIRATION_DELTA=5 minutes", "ADDR=8080")
	require.EqualError(t, err, `the settings have 2 faults:

  ADDR is "8080", which is not an address to listen at
    Write HOST:PORT, as 127.0.0.1:8080, or :8080 for every interface.

  JWT_EXPIRATION_DELTA is "5 minutes", which is not a duration
    Write a number and a unit, as 90s, 5m or 1h30m, or whole seconds, as 300.`)
}

func TestDevelopmentTakesWeakSecrets(t *testing.T) {
	load(t, "SECRET_KEY="+strings.Repeat("x", 32), "PUBLIC_URL=http://10.0.0.5:8080", "TRUSTED_PROXIES=0.0.0.0/0")
}
