package config_test

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestLoad_DefaultsInDevelopment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	settings, err := config.Load(nil, dir)
	require.NoError(t, err)
	require.Equal(t, config.Settings{
		Deployment: config.Deployment{Environment: config.Development},
		Server: config.Server{
			Addr: "127.0.0.1:8080", PublicURL: "http://localhost:8080", RequestTimeout: 5 * time.Second, Docs: true,
			ShutdownTimeout: 20 * time.Second, TrustedProxiesHeader: "X-Forwarded-For", KeepAliveTimeout: 620 * time.Second,
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
		Audit: config.Audit{Retention: 400 * 24 * time.Hour},
		RateLimit: config.RateLimit{
			Enabled: true, RedisTimeout: 30 * time.Millisecond,
			Login: quota(60, 2*time.Minute), LoginAccount: quota(10, time.Minute),
			Signup: quota(30, 5*time.Minute), SignupAccount: quota(10, 5*time.Minute),
			Refresh: quota(1200, time.Minute), RefreshAccount: quota(60, time.Minute),
			Mail: quota(20, 10*time.Minute), MailAccount: quota(5, 15*time.Minute),
			Secret: quota(60, time.Hour), SecretAccount: quota(10, 15*time.Minute),
			Export: quota(60, 10*time.Minute), ExportAccount: quota(5, 10*time.Minute),
		},
		Account: config.Account{
			EmailVerification: config.VerificationOptional, SecurityNotices: true, DeletionGrace: 14 * 24 * time.Hour,
		},
		Mail: config.Mail{
			LinkVerify: "http://localhost:8080/verify-email", LinkReset: "http://localhost:8080/reset-password",
			LinkUndo: "http://localhost:8080/undo-email-change",
		},
		Log:    config.Log{Format: "text", Level: slog.LevelInfo},
		Django: config.Django{TokensLibrary: "simplejwt"},
	}, settings)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "loading writes no files")
}

func quota(count int, period time.Duration) config.Quota {
	return config.Quota{Count: count, Period: period}
}

func TestLoad_DefaultsInProduction(t *testing.T) {
	t.Parallel()
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

func TestLoad_ParsesAndNormalizesValues(t *testing.T) {
	t.Parallel()
	settings := load(t,
		"ADDR= :9000 ", "JWT_EXPIRATION_DELTA=300", "JWT_LEEWAY=1m", "JWT_ISSUER=https://Issuer.example/",
		"TRUSTED_PROXIES=10.1.2.3/8, 192.0.2.7,,::ffff:192.0.2.8,::ffff:10.0.0.0/104,2001:db8::/32",
		"CORS_ALLOWED_ORIGINS=https://App.example.com:443 , http://localhost:5173",
		"SECRET_KEY_FALLBACKS="+strongKey+", "+strings.ToLower(strongKey),
		"LOG_LEVEL=DEBUG", "LOG_FORMAT=json", "JWT_VERIFY=True", "DB_CONN_MAX_LIFETIME=0",
	)
	require.Equal(t, ":9000", settings.Server.Addr)
	require.Equal(t, "https://Issuer.example/", settings.JWT.Issuer, "an issuer is not normalized")
	require.Equal(t, 5*time.Minute, settings.JWT.ExpirationDelta)
	require.Equal(t, time.Minute, settings.JWT.Leeway)
	require.Equal(t, []string{"10.0.0.0/8", "192.0.2.7", "192.0.2.8", "10.0.0.0/8", "2001:db8::/32"},
		settings.Server.TrustedProxies)
	require.Equal(t, []string{"https://app.example.com", "http://localhost:5173"}, settings.Server.CORSAllowedOrigins)
	require.Equal(t, []config.Secret{config.NewSecret(strongKey), config.NewSecret(strings.ToLower(strongKey))},
		settings.SecretKeyFallbacks)
	require.Equal(t, slog.LevelDebug, settings.Log.Level)
	require.Zero(t, settings.Database.ConnMaxLifetime)
}

func TestLoad_ReportsAllErrorsAtOnce(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{".env": "PASSWORD_MIN_LENGTH=three\n"})
	findings := refused(t, dir, "APP_ENV=production", "LOG_LEVEL=loud", "JWT_VERIFY=false", "TRUSTED_PROXIES=0.0.0.0/0",
		"DATABASE_URL=mysql://h/d", "JWT_SECRET_KEY_FILE=missing", "JWT_EXPIRATION_DELTA=soon",
		"CORS_ALLOWED_ORIGINS=https://a.example")
	require.Len(t, findings, 10)
	for _, variable := range []string{
		"PUBLIC_URL", "SECRET_KEY", "SMTP_URL", "LOG_LEVEL", "JWT_VERIFY", "TRUSTED_PROXIES", "DATABASE_URL", "JWT_SECRET_KEY",
		"JWT_EXPIRATION_DELTA", "PASSWORD_MIN_LENGTH",
	} {
		require.Contains(t, findings, variable)
	}
	require.Contains(t, findings["SECRET_KEY"].Remedy, "openssl rand -base64 48")
}

func TestDeployFindings_SafeDeployment(t *testing.T) {
	t.Parallel()
	for _, more := range []string{
		"A=", "DATABASE_URL=postgres://u@localhost/d",
		"DATABASE_URL=postgres://u@127.0.0.1:5432,localhost:5433/d?sslmode=disable&target_session_attrs=read-write", "DATABASE_URL=postgres://u@[::1]:5432/d",
		"DATABASE_URL=postgres:///d?host=/run/postgresql&sslmode=disable",
		"DATABASE_URL=postgres://u@db.example/d?sslmode=require&sslrootcert=ca.pem",
		"CORS_ALLOWED_ORIGINS=https://app.example.com", "REDIS_URL=redis://localhost:6379", "JWT_EXPIRATION_DELTA=15m",
		"METRICS_ADDR=127.0.0.1:9090", "METRICS_ADDR=10.0.0.5:9090", "METRICS_ADDR=metrics.internal:9090",
		"SMTP_URL=smtp://127.0.0.1:25?tls=none", "SMTP_URL=smtp://[::1]?tls=none", "SMTP_URL=smtp://localhost?tls=none",
	} {
		require.Empty(t, config.DeployFindings(load(t, safe(more)...)), more)
	}
}

func TestDeployFindings_OnePerProblem(t *testing.T) {
	t.Parallel()
	for _, more := range []string{
		"TRUSTED_PROXIES=", "LOG_LEVEL=debug", "PASSWORD_MIN_LENGTH=8", "JWT_EXPIRATION_DELTA=1h",
	} {
		require.Len(t, config.DeployFindings(load(t, safe(more)...)), 1, more)
	}
}

func TestDeployFindings_SayEachSettingOnce(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"nothing set": nil,
		"two problems of one setting": {"JWT_ALGORITHM=HS256", "SECRET_KEY=changeme-changeme-changeme-changeme",
			"JWT_SECRET_KEY=changeme-changeme-changeme-changeme", "CORS_ALLOWED_ORIGINS=http://a.example,http://b.example"},
		"what production refuses":       {"APP_ENV=production", "PUBLIC_URL=http://a.example", "TRUSTED_PROXIES=0.0.0.0/0"},
		"what no environment tolerates": {"PUBLIC_URL=http://a.example/path", "PASSWORD_MIN_LENGTH=4"},
	} {
		t.Run(name, func(t *testing.T) {
			settings, err := config.Load(environ, t.TempDir())
			var found config.LoadError
			_ = errors.As(err, &found)
			subjects := map[string]config.Finding{}
			for _, finding := range append(config.DeployFindings(settings, found...), found...) {
				require.NotContains(t, subjects, finding.Subject)
				subjects[finding.Subject] = finding
			}
			if _, given := subjects["JWT_SECRET_KEY"]; given {
				require.Equal(t, config.LevelError, subjects["JWT_SECRET_KEY"].Level, "the more severe one is reported")
				require.Contains(t, subjects["CORS_ALLOWED_ORIGINS"].Problem, "http://a.example, http://b.example")
			}
		})
	}
}

func TestLoadFor_FailsOnlyForTheVariablesInQuestion(t *testing.T) {
	t.Parallel()
	environ := []string{"APP_ENV=production", "ADDR=nowhere", "DATABASE_URL=sqlite:here.db"}
	settings, err := config.LoadFor(environ, t.TempDir(), "DATABASE_URL")
	require.NoError(t, err)
	require.Equal(t, "here.db", settings.Database.Path())
	_, err = config.LoadFor(environ, t.TempDir(), "DATABASE_URL", "ADDR")
	require.ErrorContains(t, err, "1 error:\n\n  ADDR is")
	_, err = config.LoadFor(environ, folder(t, map[string]string{".env": "no equals sign"}), "DATABASE_URL")
	require.ErrorContains(t, err, ".env has a syntax error")
}

func TestDeployFindings_FollowTheOrderOfTheExample(t *testing.T) {
	t.Parallel()
	var subjects []string
	for _, finding := range config.DeployFindings(load(t, "LOG_LEVEL=debug", "SUPERUSER_PASSWORD=plum tree", "METRICS_ADDR=:9")) {
		subjects = append(subjects, finding.Subject)
	}
	require.Equal(t, []string{
		"APP_ENV", "PUBLIC_URL", "TRUSTED_PROXIES", "SECRET_KEY", "DATABASE_URL", "BACKUP_DIR", "PASSWORD_MIN_LENGTH", "SMTP_URL",
		"METRICS_ADDR", "LOG_LEVEL", "SUPERUSER_PASSWORD",
	}, subjects)
}
