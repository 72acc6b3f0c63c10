package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

const (
	strongKey = "u3X0rQ2hVb9TzM7pKcW5yLe8NdJ1aGfS6oHiRtYwZkQ="
	pemKey    = `-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----`
	ensureIn  = "CONFIG_TEST_ENSURE"

	development = "APP_ENV=development"
	weak        = "=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" // 32 bytes
)

// TestMain lets the test program also run as a process that only calls EnsureSecretKey and prints the key.
func TestMain(m *testing.M) {
	dir, asked := os.LookupEnv(ensureIn)
	if !asked {
		os.Exit(m.Run())
	}
	settings, err := config.Load([]string{"DATABASE_URL=sqlite:" + filepath.Join(dir, "latchkey.db")}, dir)
	if err == nil {
		_, err = config.EnsureSecretKey(&settings)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(settings.SecretKey.Reveal())
}

// folder returns a new folder with the given files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

func load(t testing.TB, environ ...string) config.Settings {
	t.Helper()
	settings, err := config.Load(environ, t.TempDir())
	require.NoError(t, err)
	return settings
}

// production are settings with which production starts, and more or other ones.
func production(environ ...string) []string {
	return append([]string{
		"APP_ENV=production", "PUBLIC_URL=https://auth.example.com", "SECRET_KEY=" + strongKey,
		"DATABASE_URL=postgres://latchkey:pw@db.example.com/latchkey?sslmode=verify-full",
		"SMTP_URL=smtps://latchkey:pw@mail.example.com", "MAIL_FROM=Acme <no-reply@example.com>",
	}, environ...)
}

// refused loads settings that Load refuses, and returns the findings by variable.
func refused(t testing.TB, dir string, environ ...string) map[string]config.Finding {
	t.Helper()
	_, err := config.Load(environ, dir)
	var findings config.LoadError
	require.ErrorAs(t, err, &findings)
	byVariable := map[string]config.Finding{}
	for _, finding := range findings {
		require.NotContains(t, byVariable, finding.Subject, "a variable has one finding at a time")
		require.Contains(t, err.Error(), finding.Subject+" "+finding.Problem)
		require.Equal(t, config.LevelError, finding.Level)
		byVariable[finding.Subject] = finding
	}
	return byVariable
}

func text(finding config.Finding) string {
	return strings.Join([]string{finding.Subject, finding.Problem, finding.Remedy}, " ")
}

// refusal is a variable with values that Load refuses for the same problem.
type refusal struct {
	variable string
	values   []string
	problem  string
	with     []string // other variables
}

// requireRefused makes sure that each value gets one finding, which does not repeat the word HUSH.
func requireRefused(t *testing.T, refusals []refusal) {
	t.Helper()
	for _, test := range refusals {
		for _, value := range test.values {
			t.Run(test.variable+"="+value, func(t *testing.T) {
				findings := refused(t, t.TempDir(), append(test.with, test.variable+"="+value)...)
				require.Len(t, findings, 1)
				require.Contains(t, findings[test.variable].Problem, test.problem)
				require.NotContains(t, text(findings[test.variable]), "HUSH")
			})
		}
	}
}

// safe are settings without a deploy finding, and more or other ones.
func safe(environ ...string) []string {
	return production(append([]string{
		"TRUSTED_PROXIES=10.0.0.7", "JWT_ALGORITHM=ES256", "JWT_PRIVATE_KEY=" + pemKey, "PASSWORD_MIN_LENGTH=15",
		"REDIS_URL=rediss://redis.example.com",
	}, environ...)...)
}

// deployFinding is a finding that safe settings get once these of environ are added.
type deployFinding struct {
	level   config.Level
	subject string
	problem string
	environ []string
}

// requireDeployFinding makes sure that each of the findings is there once.
func requireDeployFinding(t *testing.T, findings []deployFinding) {
	t.Helper()
	for _, test := range findings {
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
