package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

// safe is a list of settings that leave nothing to say.
func safe(environ ...string) []string {
	return production(append([]string{
		"TRUSTED_PROXIES=10.0.0.7", "JWT_ALGORITHM=ES256", "JWT_PRIVATE_KEY=" + pemKey, "PASSWORD_MIN_LENGTH=15",
		"REDIS_URL=rediss://redis.example.com",
	}, environ...)...)
}

func TestNothingToSayAboutASafeDeployment(t *testing.T) {
	for _, more := range []string{
		"A=", "DATABASE_URL=postgres://u@localhost/d",
		"DATABASE_URL=postgres://u@127.0.0.1:5432,localhost:5433/d?sslmode=disable", "DATABASE_URL=postgres://u@[::1]:5432/d",
		"DATABASE_URL=postgres:///d?host=/run/postgresql&sslmode=disable",
		"DATABASE_URL=postgres://u@db.example/d?sslmode=require",
		"CORS_ALLOWED_ORIGINS=https://app.example.com", "REDIS_URL=redis://localhost:6379", "JWT_EXPIRATION_DELTA=15m",
		"METRICS_ADDR=127.0.0.1:9090", "METRICS_ADDR=10.0.0.5:9090", "METRICS_ADDR=metrics.internal:9090",
		"SMTP_URL=smtp://127.0.0.1:25?tls=none", "SMTP_URL=smtp://[::1]?tls=none", "SMTP_URL=smtp://localhost?tls=none",
	} {
		require.Empty(t, config.DeployFindings(load(t, safe(more)...)), more)
	}
}

func TestDeployFindings(t *testing.T) {
	const development = "APP_ENV=development"
	weak := "=" + strings.Repeat("x", 32)
	for _, test := range []struct {
		level   config.Level
		subject string
		problem string
		environ []string
	}{
		{config.LevelError, "APP_ENV", "development", []string{development}},
		{config.LevelError, "PUBLIC_URL", "in clear", []string{development, "PUBLIC_URL=http://auth.example.com"}},
		{config.LevelError, "SECRET_KEY", "randomness", []string{development, "SECRET_KEY" + weak}},
		{config.LevelError, "SECRET_KEY", "example", []string{development, "SECRET_KEY=an example of 32 bytes and of more"}},
		{config.LevelError, "SECRET_KEY", "not set", []string{development, "SECRET_KEY=", "DATABASE_URL=sqlite:a.db"}},
		{config.LevelError, "JWT_SECRET_KEY", "randomness",
			[]string{development, "JWT_ALGORITHM=HS256", "JWT_PRIVATE_KEY=", "JWT_SECRET_KEY" + weak}},
		{config.LevelWarning, "JWT_SECRET_KEY", "same as SECRET_KEY",
			[]string{"JWT_ALGORITHM=HS256", "JWT_PRIVATE_KEY=", "JWT_SECRET_KEY=" + strongKey}},
		{config.LevelError, "TRUSTED_PROXIES", "every address", []string{development, "TRUSTED_PROXIES=0.0.0.0/0"}},
		{config.LevelWarning, "TRUSTED_PROXIES", "no proxy", []string{"TRUSTED_PROXIES="}},
		{config.LevelWarning, "CORS_ALLOWED_ORIGINS", "http://a.example", []string{"CORS_ALLOWED_ORIGINS=http://a.example"}},
		{config.LevelWarning, "DATABASE_URL", "SQLite", []string{"DATABASE_URL=sqlite:a.db"}},
		{config.LevelError, "DATABASE_URL", "sslmode=disable",
			[]string{"DATABASE_URL=postgres://u@db.example/d?sslmode=disable"}},
		{config.LevelError, "DATABASE_URL", "sslmode=disable",
			[]string{"DATABASE_URL=postgres://u@localhost,db.example/d?sslmode=disable"}},
		{config.LevelError, "DATABASE_URL", "sslmode=disable",
			[]string{"DATABASE_URL=postgres://u@localhost/d?host=10.0.0.1&sslmode=disable"}},
		{config.LevelWarning, "DATABASE_URL", "does not insist", []string{"DATABASE_URL=postgres://u@db.example/d"}},
		{config.LevelWarning, "DATABASE_URL", "does not insist",
			[]string{"DATABASE_URL=postgres://u@db.example/d?sslmode=prefer"}},
		{config.LevelWarning, "JWT_ALGORITHM", "HS256", []string{"JWT_ALGORITHM=HS256", "JWT_PRIVATE_KEY="}},
		{config.LevelWarning, "JWT_EXPIRATION_DELTA", "16m", []string{"JWT_EXPIRATION_DELTA=16m"}},
		{config.LevelError, "SMTP_URL", "/dev/mail", []string{development, "SMTP_URL="}},
		{config.LevelError, "SMTP_URL", "in clear", []string{"SMTP_URL=smtp://mail.example.com?tls=none"}},
		{config.LevelWarning, "SMTP_URL", "is none", []string{"SMTP_URL=none"}},
		{config.LevelWarning, "PASSWORD_MIN_LENGTH", "800-63B-4", []string{"PASSWORD_MIN_LENGTH=14"}},
		{config.LevelWarning, "PASSWORD_ALLOW_LEGACY_HASHES", "md5, unsalted_md5",
			[]string{"PASSWORD_ALLOW_LEGACY_HASHES=md5,unsalted_md5"}},
		{config.LevelError, "RATE_LIMITS", "off", []string{"RATE_LIMITS=off"}},
		{config.LevelWarning, "REDIS_URL", "counts for itself", []string{"REDIS_URL="}},
		{config.LevelWarning, "REDIS_URL", "in clear", []string{"REDIS_URL=redis://redis.example.com"}},
		{config.LevelWarning, "METRICS_ADDR", "every network", []string{"METRICS_ADDR=0.0.0.0:9090"}},
		{config.LevelWarning, "METRICS_ADDR", "every network", []string{"METRICS_ADDR=:9090"}},
		{config.LevelWarning, "METRICS_ADDR", "every network", []string{"METRICS_ADDR=[::]:9090"}},
		{config.LevelWarning, "LOG_LEVEL", "debug", []string{"LOG_LEVEL=debug"}},
		{config.LevelWarning, "SUPERUSER_PASSWORD", "still set", []string{"SUPERUSER_PASSWORD=plum tree by the gate"}},
	} {
		t.Run(test.subject+" "+test.problem, func(t *testing.T) {
			var found []config.Finding
			for _, finding := range config.DeployFindings(load(t, safe(test.environ...)...)) {
				if finding.Subject == test.subject && strings.Contains(finding.Problem, test.problem) {
					found = append(found, finding)
				}
			}
			require.Len(t, found, 1)
			require.Equal(t, test.level, found[0].Level)
			require.NotEmpty(t, found[0].Remedy)
		})
	}
}

func TestOneThingAmissIsOneFinding(t *testing.T) {
	for _, more := range []string{
		"TRUSTED_PROXIES=", "DATABASE_URL=sqlite:a.db", "LOG_LEVEL=debug", "PASSWORD_MIN_LENGTH=8", "JWT_EXPIRATION_DELTA=1h",
	} {
		require.Len(t, config.DeployFindings(load(t, safe(more)...)), 1, more)
	}
}
