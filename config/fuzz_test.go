package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

// requireHonest makes sure that an error is a list of findings, each with an existing variable and a problem.
func requireHonest(t *testing.T, err error) {
	t.Helper()
	var findings config.LoadError
	require.ErrorAs(t, err, &findings)
	require.NotEmpty(t, findings)
	names := []string{".env"}
	for _, variable := range config.Describe() {
		names = append(names, variable.Name)
	}
	for _, finding := range findings {
		require.True(t, slices.Contains(names, finding.Subject), "%q is not a variable", finding.Subject)
		require.NotEmpty(t, finding.Problem)
	}
}

// FuzzLoad gives every variable any value, one entry of the environment a line.
func FuzzLoad(f *testing.F) {
	for _, variable := range config.Describe() {
		for _, value := range []string{"", "0", "-1", "x", "https://a.example", "sqlite:a", "postgres://u:p@h/d",
			"\xff", "1h", "::/0", "%"} {
			f.Add(variable.Name+"="+value, "")
		}
	}
	f.Add(strings.Join(production(), "\n"), "LOG_LEVEL=debug")
	f.Add("MAIL_FROM=a@b\nSMTP_URL=smtp://u:p@[::1]:25?tls=none", "SMTP_URL=smtps://u:%25@h/")
	f.Add("=\n==\nJWT_ISSUER\nSECRET_KEY_FILE=.env\nSECRET_KEY_FILE_FILE=x", "export A='b'\nC=\"d\n e\" # f")
	f.Add("DATABASE_URL_FILE=/\nJWT_ISSUER_FILE=\x00", "A")
	f.Add("ADDR=[", "ADDR")
	f.Add("APP_ENV=production\nPUBLIC_URL=http://[fe80::1%25en0]:80", "\ufeff\"='")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, environ, dotenv string) {
		if strings.Contains(environ, "_FILE=/dev") || strings.Contains(environ, "_FILE=/proc") {
			t.Skip("devices may block")
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte(dotenv), 0o600))
		settings, err := config.Load(strings.Split(environ, "\n"), dir)
		if err != nil {
			requireHonest(t, err)
			return
		}
		require.GreaterOrEqual(t, settings.Password.MinLength, 8)
		require.True(t, settings.JWT.Verify && settings.JWT.VerifyExpiration)
		require.True(t, settings.Database.IsSQLite() != settings.Database.IsPostgres())
		require.True(t, settings.SecretKey.IsSet() || settings.Database.IsSQLite() && !settings.InProduction())
		if settings.Mail.HasServer() {
			server, err := settings.Mail.Server()
			require.NoError(t, err)
			require.NotEmpty(t, server.Host)
			require.NotEmpty(t, settings.ServiceName())
		}
		_ = fmt.Sprint(config.DeployFindings(settings), settings.Database.Redacted())
		again, err := config.Load(strings.Split(environ, "\n"), dir)
		require.NoError(t, err)
		require.Equal(t, settings, again)
	})
}
