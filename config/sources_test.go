package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestLoad_PrefersTheEnvironmentToDotenv(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		".env":   "JWT_ISSUER=dotenv\nJWT_AUDIENCE=dotenv\nSECRET_KEY_FILE=hidden\nLOG_FORMAT=json\n",
		"secret": strongKey + "\r\n",
	})
	settings, err := config.Load([]string{
		"JWT_ISSUER=first", "JWT_ISSUER=environment", "SECRET_KEY_FILE=" + filepath.Join(dir, "secret"),
		"LOG_FORMAT=", "=C:=x", "odd",
	}, dir)
	require.NoError(t, err)
	require.Equal(t, "environment", settings.JWT.Issuer)
	require.Equal(t, "dotenv", settings.JWT.Audience)
	require.Equal(t, strongKey, settings.SecretKey.Reveal(), "one line break at the end is not part of the value")
	require.Equal(t, "text", settings.Log.Format, "an empty variable gives the default, whatever .env says")

	settings, err = config.Load([]string{"SECRET_KEY=" + strongKey}, dir)
	require.NoError(t, err, "a variable of the environment hides the file that .env names")
	require.Equal(t, strongKey, settings.SecretKey.Reveal())
}

func TestLoad_ReadsEveryVariableFromAFile(t *testing.T) {
	t.Parallel()
	var direct, viaFile []string
	files := map[string]string{}
	for name, value := range map[string]string{
		"TRUSTED_PROXIES_HEADER": "Forwarded", "KEEP_ALIVE_TIMEOUT": "70s",
		"APP_ENV": "production", "ADDR": ":9", "PUBLIC_URL": "https://a.example", "SHUTDOWN_TIMEOUT": "7s",
		"REQUEST_TIMEOUT": "6s", "DOCS": "false", "ALLOW_UNENCRYPTED": "database", "SHUTDOWN_DELAY": "3s",
		"TRUSTED_PROXIES": "10.0.0.1", "CORS_ALLOWED_ORIGINS": "https://b.example", "SECRET_KEY": strongKey,
		"SECRET_KEY_FALLBACKS": strongKey, "DATABASE_URL": "postgres://u:p@h/d", "DB_MAX_OPEN_CONNS": "7",
		"DB_MAX_IDLE_CONNS": "6", "DB_CONN_MAX_LIFETIME": "8m", "AUTO_MIGRATE": "true", "BACKUP_DIR": "backups",
		"JWT_SECRET_KEY": strongKey,
		"JWT_ALGORITHM":  "HS256", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a", "JWT_EXPIRATION_DELTA": "60", "JWT_LEEWAY": "1",
		"JWT_EXPIRATION_JITTER": "0.1", "JWT_KEY_ROTATION": "0", "SESSION_IDLE_TIMEOUT": "1h", "SESSION_LIFETIME": "2h",
		"REFRESH_GRACE": "3s", "JWT_AUTH_HEADER_PREFIX": "JWT", "JWT_VERIFY": "true", "JWT_VERIFY_EXPIRATION": "true",
		"PASSWORD_MIN_LENGTH": "15", "PASSWORD_FORBIDDEN_WORDS": "anvil",
		"PASSWORD_HASH_CONCURRENCY": "3", "PASSWORD_HASH_WAIT": "1s", "LOG_FORMAT": "text",
		"PASSWORD_HASH": "scrypt", "PASSWORD_ARGON2_MEMORY": "20000", "PASSWORD_ARGON2_TIME": "3", "PASSWORD_ARGON2_THREADS": "2",
		"PASSWORD_BCRYPT_COST": "11", "PASSWORD_SCRYPT_N": "65536", "PASSWORD_SCRYPT_R": "9", "PASSWORD_SCRYPT_P": "2",
		"PASSWORD_PBKDF2_ITERATIONS": "700000", "PASSWORD_ALLOW_LEGACY_HASHES": "md5",
		"SIGNUP_ENUMERATION_SAFE": "false", "AUDIT_RETENTION": "24h", "RATE_LIMITS": "off", "RATE_LIMIT_LOGIN": "1/1s",
		"RATE_LIMIT_LOGIN_ACCOUNT": "2/1m", "RATE_LIMIT_SIGNUP": "3/1m", "RATE_LIMIT_SIGNUP_ACCOUNT": "4/1m",
		"RATE_LIMIT_REFRESH": "5/1m", "RATE_LIMIT_REFRESH_ACCOUNT": "6/1m", "RATE_LIMIT_MAIL": "7/1m",
		"RATE_LIMIT_MAIL_ACCOUNT": "8/1m", "RATE_LIMIT_SECRET": "9/60", "RATE_LIMIT_SECRET_ACCOUNT": "10/24h",
		"RATE_LIMIT_EXPORT": "11/1h", "RATE_LIMIT_EXPORT_ACCOUNT": "12/1h",
		"REDIS_URL": "rediss://u:p@h:6379/1", "REDIS_TIMEOUT": "1s", "METRICS_ADDR": ":10",
		"SMTP_URL": "smtp://u:p@h", "MAIL_FROM": "a@b.example", "MAIL_TEMPLATES_DIR": "letters",
		"MAIL_LINK_VERIFY": "a://v", "MAIL_LINK_RESET": "a://r", "MAIL_LINK_UNDO": "a://u", "EMAIL_VERIFICATION": "required",
		"SECURITY_NOTICES": "off", "ACCOUNT_DELETION_GRACE": "0",
		"LOG_LEVEL": "warn", "SUPERUSER_EMAIL": "ann@example.com", "SUPERUSER_PASSWORD": "plum tree by the gate",
		"DJANGO_DATABASE_URL": "postgres://u:p@h/d", "DJANGO_COMPAT": "true", "DJANGO_SECRET_KEY": strongKey,
		"DJANGO_TOKENS_LIBRARY": "djangorestframework-jwt", "DJANGO_TOKENS_UNTIL": "2026-12-31",
		"DJANGO_TOKENS_ISSUER": "shop", "DJANGO_TOKENS_AUDIENCE": "phones",
	} {
		direct = append(direct, name+"="+value)
		viaFile = append(viaFile, name+"_FILE="+name)
		files[name] = value + "\n"
	}
	require.Len(t, direct, len(config.Describe())-1, "all but JWT_PRIVATE_KEY, which HS256 excludes")
	want := load(t, direct...)
	got, err := config.Load(viaFile, folder(t, files))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestLoad_ReportsUnreadableFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"large": strings.Repeat("x", 64*1024+1), "key": strongKey})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	findings := refused(t, dir, "SECRET_KEY="+strongKey, "SECRET_KEY_FILE=key", "JWT_SECRET_KEY_FILE=missing-"+strongKey,
		"JWT_ISSUER_FILE=folder", "DATABASE_URL_FILE=large")
	require.Len(t, findings, 4)
	require.Contains(t, findings["SECRET_KEY"].Problem, "given twice")
	require.Contains(t, findings["JWT_SECRET_KEY"].Problem, "JWT_SECRET_KEY_FILE names does not exist")
	require.NotContains(t, text(findings["JWT_SECRET_KEY"]), strongKey, "a secret put into NAME_FILE by mistake")
	require.Contains(t, findings["JWT_ISSUER"].Problem, "is a directory")
	require.Contains(t, findings["DATABASE_URL"].Problem, "larger than 64 KiB")
}

func TestLoad_RefusesControlCharacters(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"JWT_ISSUER", []string{"a\nb", "a\x7fb", "a\xffb"}, "control character", nil},
	})
}
