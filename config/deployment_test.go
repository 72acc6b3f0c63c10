package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestDeployment_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"APP_ENV", []string{"prod", "Production"}, "not a valid value", nil},
		{"ALLOW_UNENCRYPTED", []string{"smtp", "all", "true", "database redis"}, "not a valid value", nil},
	})
}

func TestDeployment_ProductionRefusesToSendUnencrypted(t *testing.T) {
	t.Parallel()
	const database, redis, mail = "DATABASE_URL=postgres://u:pw@db.example/d", "REDIS_URL=redis://:pw@redis.example", "SMTP_URL=smtp://mail.example?tls=none"
	for _, given := range []struct{ variable, setting, problem string }{
		{"DATABASE_URL", database, "does not insist on TLS"},
		{"DATABASE_URL", database + "?sslmode=prefer", "does not insist on TLS"},
		{"DATABASE_URL", database + "?sslmode=allow", "does not insist on TLS"},
		{"DATABASE_URL", database + "?sslmode=disable", "unencrypted"},
		{"DATABASE_URL", "DATABASE_URL=postgres://u@localhost/d?host=10.0.0.1&sslmode=disable", "unencrypted"},
		{"REDIS_URL", redis, "unencrypted"},
		{"SMTP_URL", mail, "unencrypted"},
	} {
		finding := refused(t, t.TempDir(), production(given.setting)...)[given.variable]
		require.Contains(t, finding.Problem, given.problem, given.setting)
		require.NotEmpty(t, finding.Remedy)
		load(t, "SECRET_KEY="+strongKey, "MAIL_FROM=a@example.com", given.setting)
	}
	for _, allowed := range [][]string{
		{"ALLOW_UNENCRYPTED=database", database + "?sslmode=disable"},
		{"ALLOW_UNENCRYPTED=redis,database", database, redis},
		{"DATABASE_URL=postgres://u@/d?host=/run/postgresql"},
		{"DATABASE_URL=postgres://u@localhost/d?sslmode=disable", "REDIS_URL=redis://127.0.0.1", "SMTP_URL=smtp://[::1]?tls=none"},
		{database + "?sslmode=require", "REDIS_URL=rediss://:pw@redis.example"},
		{database + "?sslmode=verify-ca"},
	} {
		load(t, production(allowed...)...)
	}
	for variable, allowed := range map[string][]string{
		"DATABASE_URL": {"ALLOW_UNENCRYPTED=redis", database},
		"REDIS_URL":    {"ALLOW_UNENCRYPTED=database", redis},
		"SMTP_URL":     {"ALLOW_UNENCRYPTED=database,redis", mail},
	} {
		require.Contains(t, refused(t, t.TempDir(), production(allowed...)...), variable)
	}
}

func TestDeployment_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelError, "APP_ENV", "development", []string{development}},
		{config.LevelWarning, "DATABASE_URL", "as ALLOW_UNENCRYPTED says",
			[]string{"DATABASE_URL=postgres://u@db.example/d?sslmode=disable", "ALLOW_UNENCRYPTED=database"}},
		{config.LevelWarning, "REDIS_URL", "as ALLOW_UNENCRYPTED says",
			[]string{"REDIS_URL=redis://redis.example.com", "ALLOW_UNENCRYPTED=redis"}},
	})
}
