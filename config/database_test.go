package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestDatabase_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"DATABASE_URL", []string{"latchkey.db", "mysql://u:p@h/d", "host=h password=HUSH", "SQLITE:x", "postgres",
			"postgresqlx://"},
			"neither SQLite nor PostgreSQL", nil},
		{"DATABASE_URL", []string{"sqlite:", "sqlite://"}, "names no file", nil},
		{"DATABASE_URL", []string{"sqlite::memory:"}, "in-memory", nil},
		{"DATABASE_URL", []string{"sqlite:file:a.db"}, "file:", nil},
		{"DATABASE_URL", []string{"sqlite:a.db?mode=ro"}, "options", nil},
		{"DATABASE_URL", []string{"postgres://u:HUSH#x@h/d", "postgres://u:HUSH/x@h/d", "postgres://u:%zz@h/d"},
			"can't be read as a URL", []string{"SECRET_KEY=" + strongKey}},
		{"DATABASE_URL", []string{"postgres:latchkey"}, "slashes", []string{"SECRET_KEY=" + strongKey}},
		{"DATABASE_URL", []string{"postgres://u@h1:1,h2:2/d", "postgres://u@/d?host=h1,h2", "postgres://u@h1,h2:2/d?target_session_attrs=any",
			"postgres://u@h1,h2:2/d?target_session_attrs=standby"}, "names several hosts", []string{"SECRET_KEY=" + strongKey}},
		{"DB_MAX_OPEN_CONNS", []string{"0", "-1"}, "from 1 to", nil},
		{"DB_MAX_OPEN_CONNS", []string{"ten", "1.5", "99999999999999999999"}, "not a whole number", nil},
		{"DB_MAX_IDLE_CONNS", []string{"-1"}, "from 0 to", nil},
		{"DB_CONN_MAX_LIFETIME", []string{"-1s", "25h"}, "from 0s to 24h", nil},
		{"AUTO_MIGRATE", []string{"yes", "on"}, "not true or false", nil},
	})
}

func TestDatabase_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelWarning, "DATABASE_URL", "SQLite", []string{"DATABASE_URL=sqlite:a.db"}},
		{config.LevelWarning, "BACKUP_DIR", "not set", []string{"DATABASE_URL=sqlite:a.db"}},
		{config.LevelError, "DATABASE_URL", "sslmode=disable",
			[]string{"DATABASE_URL=postgres://u@db.example/d?sslmode=disable", development}},
		{config.LevelError, "DATABASE_URL", "sslmode=disable",
			[]string{"DATABASE_URL=postgres://u@localhost,db.example/d?sslmode=disable&target_session_attrs=primary", development}},
		{config.LevelError, "DATABASE_URL", "sslmode=disable",
			[]string{"DATABASE_URL=postgres://u@localhost/d?host=10.0.0.1&sslmode=disable", development}},
		{config.LevelError, "DATABASE_URL", "does not insist", []string{"DATABASE_URL=postgres://u@db.example/d", development}},
		{config.LevelWarning, "DATABASE_URL", "does not check", []string{"DATABASE_URL=postgres://u@db.example/d?sslmode=require"}},
		{config.LevelError, "DATABASE_URL", "does not insist",
			[]string{"DATABASE_URL=postgres://u@db.example/d?sslmode=prefer", development}},
	})
}

func TestDatabase_ForPrograms(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"sqlite:latchkey.db": "",
		"postgres://ann:HUSH@db.example:5432/app?password=HUSH&sslmode=verify-full": "postgres://ann@db.example:5432/app?sslmode=verify-full",
		"postgres://ann@db.example/app?default_query_exec_mode=exec":                "postgres://ann@db.example/app",
		"postgres://h1:1,h2:2/app": "postgres://h1:1,h2:2/app",
		"HUSH":                     "",
	} {
		require.Equal(t, want, config.Database{URL: config.NewSecret(given)}.ForPrograms())
	}
}

func TestDatabase_Redacted(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"sqlite:latchkey.db":                                    "sqlite:latchkey.db",
		"sqlite:///var/lib/latchkey.db":                         "sqlite:/var/lib/latchkey.db",
		"postgres://ann:HUSH@db.example:5432/app?password=HUSH": "postgres://ann:xxxxx@db.example:5432/app",
		"postgres://h1:1,h2:2/app":                              "postgres://h1:1,h2:2/app",
		"postgres://ann:HU#SH@db.example/app":                   "***",
		"HUSH":                                                  "***",
	} {
		require.Equal(t, want, config.Database{URL: config.NewSecret(given)}.Redacted())
	}
}
