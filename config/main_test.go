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
	ensureIn  = "CONFIG_TEST_ENSURE"
)

// TestMain lets the test program also be a process that does nothing but make sure that there is a secret key.
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

// folder makes a folder with the given files.
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

// production is a list of settings that production starts with, and more or other ones.
func production(environ ...string) []string {
	return append([]string{
		"APP_ENV=production", "PUBLIC_URL=https://auth.example.com", "SECRET_KEY=" + strongKey,
		"DATABASE_URL=postgres://latchkey:pw@db.example.com/latchkey?sslmode=verify-full",
		"SMTP_URL=smtps://latchkey:pw@mail.example.com", "MAIL_FROM=Acme <no-reply@example.com>",
	}, environ...)
}

// faulty loads settings that have faults, and answers them by variable.
func faulty(t testing.TB, dir string, environ ...string) map[string]config.Fault {
	t.Helper()
	_, err := config.Load(environ, dir)
	var faults config.Faults
	require.ErrorAs(t, err, &faults)
	byVariable := map[string]config.Fault{}
	for _, fault := range faults {
		require.NotContains(t, byVariable, fault.Variable, "a variable has one fault at a time")
		require.Contains(t, err.Error(), fault.Variable+" "+fault.Problem)
		byVariable[fault.Variable] = fault
	}
	return byVariable
}

func text(fault config.Fault) string {
	return strings.Join([]string{fault.Variable, fault.Problem, fault.Remedy}, " ")
}
