package config_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestDefaultsInDevelopment(t *testing.T) {
	dir := t.TempDir()
	settings, err := config.Load(nil, dir)
	require.NoError(t, err)
	require.Equal(t, config.Settings{
		Environment: config.Development,
		Server: config.Server{
			Addr: "127.0.0.1:8080", PublicURL: "http://localhost:8080", ShutdownTimeout: 20 * time.Second,
		},
		Database: config.Database{
			URL: config.NewSecret("sqlite:latchkey.db"), MaxOpenConns: 10, ConnMaxLifetime: 30 * time.Minute, AutoMigrate: true,
		},
		JWT: config.JWT{
			Algorithm: "ES256", Jitter: 0.05, KeyRotation: 90 * 24 * time.Hour, Issuer: "http://localhost:8080", Audience: "http://localhost:8080",
			ExpirationDelta: 5 * time.Minute, Leeway: 5 * time.Second, AuthHeaderPrefix: "Bearer",
			Verify: true, VerifyExpiration: true,
		},
		Session:  config.Session{IdleTimeout: 30 * 24 * time.Hour, Lifetime: 365 * 24 * time.Hour, RefreshGrace: 30 * time.Second},
		Password: config.Password{MinLength: 8, HashWait: 2 * time.Second},
		Hash: config.Hash{
			Algorithm: "argon2id", Argon2Memory: 19 * 1024, Argon2Time: 2, Argon2Threads: 1, BcryptCost: 12,
			ScryptN: 1 << 15, ScryptR: 8, ScryptP: 3, PBKDF2Iterations: 600_000,
		},
		Abuse: config.Abuse{AuditRetention: 400 * 24 * time.Hour},
		RateLimit: config.RateLimit{
			Enabled: true, RedisTimeout: 30 * time.Millisecond,
			Login: quota(30, time.Minute), LoginAccount: quota(10, time.Minute),
			Signup: quota(30, 5*time.Minute), SignupAccount: quota(10, 5*time.Minute),
			Refresh: quota(1200, time.Minute), RefreshAccount: quota(60, time.Minute),
			Mail: quota(20, 10*time.Minute), MailAccount: quota(5, 15*time.Minute),
			Secret: quota(60, 5*time.Minute), SecretAccount: quota(10, 15*time.Minute),
		},
		Account: config.Account{
			EmailVerification: config.VerificationOptional, SecurityNotices: true, DeletionGrace: 14 * 24 * time.Hour,
		},
		Mail: config.Mail{
			LinkVerify: "http://localhost:8080/verify-email", LinkReset: "http://localhost:8080/reset-password",
			LinkUndo: "http://localhost:8080/undo-email-change",
		},
		Log: config.Log{Format: "text", Level: slog.LevelInfo},
	}, settings)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "loading writes no files")
}

func quota(count int, period time.Duration) config.Quota {
	return config.Quota{Count: count, Period: period}
}

func TestDefaultsInProduction(t *testing.T) {
	settings := load(t, production()...)
	require.True(t, settings.InProduction())
	require.Equal(t, "json", settings.Log.Format)
	require.Equal(t, "https://auth.example.com", settings.JWT.Issuer)
	require.Equal(t, "https://auth.example.com", settings.JWT.Audience)
	require.False(t, settings.Database.AutoMigrate)
	require.False(t, load(t, production("DATABASE_URL=sqlite:a.db")...).Database.AutoMigrate)
	require.True(t, load(t, production("AUTO_MIGRATE=true")...).Database.AutoMigrate)
	require.False(t, load(t, "AUTO_MIGRATE=false").Database.AutoMigrate)
	require.False(t, load(t, "DATABASE_URL=postgres://localhost/x", "SECRET_KEY="+strongKey).Database.AutoMigrate)
}

func TestValuesAreUnderstood(t *testing.T) {
	settings := load(t,
		"ADDR= :9000 ", "JWT_EXPIRATION_DELTA=300", "JWT_LEEWAY=1m", "JWT_ISSUER=https://Issuer.example/",
		"TRUSTED_PROXIES=10.1.2.3/8, 192.0.2.7,,::ffff:192.0.2.8,::ffff:10.0.0.0/104,2001:db8::/32",
		"CORS_ALLOWED_ORIGINS=https://App.example.com:443 , http://localhost:5173",
		"SECRET_KEY_FALLBACKS="+strongKey+", "+strings.ToLower(strongKey),
		"LOG_LEVEL=DEBUG", "LOG_FORMAT=json", "JWT_VERIFY=True", "DB_CONN_MAX_LIFETIME=0",
	)
	require.Equal(t, ":9000", settings.Server.Addr)
	require.Equal(t, "http://localhost:9000", settings.Server.PublicURL)
	require.Equal(t, "https://Issuer.example/", settings.JWT.Issuer, "an issuer is taken as it is written")
	require.Equal(t, 5*time.Minute, settings.JWT.ExpirationDelta)
	require.Equal(t, time.Minute, settings.JWT.Leeway)
	require.Equal(t, []string{"10.0.0.0/8", "192.0.2.7", "192.0.2.8", "10.0.0.0/8", "2001:db8::/32"},
		settings.Server.TrustedProxies)
	require.Equal(t, []string{"https://app.example.com", "http://localhost:5173"}, settings.Server.CORSAllowedOrigins)
	require.Equal(t, []config.Secret{config.NewSecret(strongKey), config.NewSecret(strings.ToLower(strongKey))},
		settings.SecretKeyFallbacks)
	require.Equal(t, slog.LevelDebug, settings.Log.Level)
	require.Zero(t, settings.Database.ConnMaxLifetime)

	public := load(t, "PUBLIC_URL=HTTPS://Auth.Example.com:443/")
	require.Equal(t, "https://auth.example.com", public.Server.PublicURL)
	require.Equal(t, "https://auth.example.com", public.JWT.Audience)
	require.Equal(t, "http://localhost", load(t, "ADDR=127.0.0.1:80").Server.PublicURL)
	require.Equal(t, "http://localhost", load(t, "ADDR=127.0.0.1:0").Server.PublicURL)
}

func TestTheAlgorithmFollowsTheKeyThatIsGiven(t *testing.T) {
	require.True(t, load(t).JWT.ManagesKeys())
	require.True(t, load(t, "JWT_ALGORITHM=HS256").JWT.ManagesKeys())
	shared := load(t, "JWT_SECRET_KEY="+strongKey).JWT
	require.Equal(t, "HS256", shared.Algorithm)
	require.False(t, shared.ManagesKeys())
	private := load(t, "JWT_PRIVATE_KEY="+pemKey).JWT
	require.Equal(t, "ES256", private.Algorithm)
	require.False(t, private.ManagesKeys())
}

func TestPrecedence(t *testing.T) {
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

func TestEveryVariableAsFile(t *testing.T) {
	var direct, viaFile []string
	files := map[string]string{}
	for name, value := range map[string]string{
		"APP_ENV": "production", "ADDR": ":9", "PUBLIC_URL": "https://a.example", "SHUTDOWN_TIMEOUT": "7s",
		"TRUSTED_PROXIES": "10.0.0.1", "CORS_ALLOWED_ORIGINS": "https://b.example", "SECRET_KEY": strongKey,
		"SECRET_KEY_FALLBACKS": strongKey, "DATABASE_URL": "postgres://u:p@h/d", "DB_MAX_OPEN_CONNS": "7",
		"DB_MAX_IDLE_CONNS": "6", "DB_CONN_MAX_LIFETIME": "8m", "AUTO_MIGRATE": "true", "JWT_SECRET_KEY": strongKey,
		"JWT_ALGORITHM": "HS256", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a", "JWT_EXPIRATION_DELTA": "60", "JWT_LEEWAY": "1",
		"JWT_EXPIRATION_JITTER": "0.1", "JWT_KEY_ROTATION": "0", "SESSION_IDLE_TIMEOUT": "1h", "SESSION_LIFETIME": "2h",
		"REFRESH_GRACE": "3s", "JWT_AUTH_HEADER_PREFIX": "JWT", "JWT_VERIFY": "true", "JWT_VERIFY_EXPIRATION": "true",
		"PASSWORD_MIN_LENGTH": "15", "PASSWORD_HASH_CONCURRENCY": "3", "PASSWORD_HASH_WAIT": "1s", "LOG_FORMAT": "text",
		"PASSWORD_HASH": "scrypt", "PASSWORD_ARGON2_MEMORY": "20000", "PASSWORD_ARGON2_TIME": "3", "PASSWORD_ARGON2_THREADS": "2",
		"PASSWORD_BCRYPT_COST": "11", "PASSWORD_SCRYPT_N": "65536", "PASSWORD_SCRYPT_R": "9", "PASSWORD_SCRYPT_P": "2",
		"PASSWORD_PBKDF2_ITERATIONS": "700000", "PASSWORD_ALLOW_LEGACY_HASHES": "md5",
		"SIGNUP_ENUMERATION_SAFE": "false", "AUDIT_RETENTION": "24h", "RATE_LIMITS": "off", "RATE_LIMIT_LOGIN": "1/1s",
		"RATE_LIMIT_LOGIN_ACCOUNT": "2/1m", "RATE_LIMIT_SIGNUP": "3/1m", "RATE_LIMIT_SIGNUP_ACCOUNT": "4/1m",
		"RATE_LIMIT_REFRESH": "5/1m", "RATE_LIMIT_REFRESH_ACCOUNT": "6/1m", "RATE_LIMIT_MAIL": "7/1m",
		"RATE_LIMIT_MAIL_ACCOUNT": "8/1m", "RATE_LIMIT_SECRET": "9/60", "RATE_LIMIT_SECRET_ACCOUNT": "10/24h",
		"REDIS_URL": "rediss://u:p@h:6379/1", "REDIS_TIMEOUT": "1s", "METRICS_ADDR": ":10",
		"SMTP_URL": "smtp://u:p@h", "MAIL_FROM": "a@b.example", "MAIL_TEMPLATES_DIR": "letters",
		"MAIL_LINK_VERIFY": "a://v", "MAIL_LINK_RESET": "a://r", "MAIL_LINK_UNDO": "a://u", "EMAIL_VERIFICATION": "required",
		"SECURITY_NOTICES": "off", "ACCOUNT_DELETION_GRACE": "0",
		"LOG_LEVEL": "warn", "SUPERUSER_EMAIL": "ann@example.com", "SUPERUSER_PASSWORD": "plum tree by the gate",
		"DJANGO_DATABASE_URL": "postgres://u:p@h/d", "DJANGO_COMPAT": "true", "DJANGO_SECRET_KEY": strongKey,
		"DJANGO_TOKENS_UNTIL": "2026-12-31", "DJANGO_TOKENS_ISSUER": "shop", "DJANGO_TOKENS_AUDIENCE": "phones",
	} {
		direct = append(direct, name+"="+value)
		viaFile = append(viaFile, name+"_FILE="+name)
		files[name] = value + "\n"
	}
	require.Len(t, direct, len(config.Describe())-1, "all but JWT_PRIVATE_KEY, which HS256 does not go with")
	want := load(t, direct...)
	got, err := config.Load(viaFile, folder(t, files))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// Who writes the last day of the longest token does not cut it short.
func TestADeadlineIsAtTheEndOfItsDay(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-12-31":                time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		"2026-12-31T12:00:00+02:00": time.Date(2026, 12, 31, 10, 0, 0, 0, time.UTC),
	} {
		settings := load(t, "DJANGO_COMPAT=true", "DJANGO_SECRET_KEY="+strongKey, "DJANGO_TOKENS_UNTIL="+text)
		require.True(t, want.Equal(settings.Django.TokensUntil.Time), "%s", settings.Django.TokensUntil)
	}
}

func TestFileFaults(t *testing.T) {
	dir := folder(t, map[string]string{"large": strings.Repeat("x", 64*1024+1), "key": strongKey})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	faults := faulty(t, dir, "SECRET_KEY="+strongKey, "SECRET_KEY_FILE=key", "JWT_SECRET_KEY_FILE=missing-"+strongKey,
		"JWT_ISSUER_FILE=folder", "DATABASE_URL_FILE=large")
	require.Len(t, faults, 4)
	require.Contains(t, faults["SECRET_KEY"].Problem, "given twice")
	require.Contains(t, faults["JWT_SECRET_KEY"].Problem, "JWT_SECRET_KEY_FILE names does not exist")
	require.NotContains(t, text(faults["JWT_SECRET_KEY"]), strongKey, "a secret put into NAME_FILE by mistake")
	require.Contains(t, faults["JWT_ISSUER"].Problem, "is a directory")
	require.Contains(t, faults["DATABASE_URL"].Problem, "larger than 64 KiB")
}

func TestMisspeltVariablesAreWarnings(t *testing.T) {
	dir := folder(t, map[string]string{".env": "PUBLIC_URI=x\nJWT_SOMETHING_ELSE_ENTIRELY=y\n"})
	settings, err := config.Load([]string{
		"JWT_EXPIRATON_DELTA=secret-value", "SECRET_KEY_FIEL=secret-value", "DB_HOST=x", "LOG_DIR=x", "HOME=/", "PATH=x",
		"PASSWORD_STORE_DIR=x", "JWT_" + strings.Repeat("X", 1000) + "=x", "SECRET_KEY_FILE=",
	}, dir)
	require.NoError(t, err)
	require.Equal(t, []string{
		`"JWT_EXPIRATON_DELTA" is not a setting; did you mean JWT_EXPIRATION_DELTA?`,
		`"JWT_SOMETHING_ELSE_ENTIRELY" is not a setting`,
		`"PUBLIC_URI" is not a setting; did you mean PUBLIC_URL?`,
		`"SECRET_KEY_FIEL" is not a setting; did you mean SECRET_KEY_FILE?`,
	}, settings.Warnings)

	settings, err = config.Load([]string{"APP_ENV=production", "PUBLIC_ULR=https://a.example"}, t.TempDir())
	require.Error(t, err)
	require.Len(t, settings.Warnings, 1, "a misspelt variable is often why another is missing")
}
