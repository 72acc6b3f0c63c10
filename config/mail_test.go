package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestMailServers(t *testing.T) {
	for url, want := range map[string]config.MailServer{
		"smtp://Mail.example.com": {Host: "mail.example.com", Port: 587, TLS: "starttls"},
		"smtp://ann:p%40ss@mail.example.com:2525/": {Host: "mail.example.com", Port: 2525, User: "ann",
			Password: config.NewSecret("p@ss"), TLS: "starttls"},
		"smtps://ann@example.com:pass@192.0.2.1": {Host: "192.0.2.1", Port: 465, User: "ann@example.com",
			Password: config.NewSecret("pass"), TLS: "implicit"},
		"smtp://localhost:1025?tls=none": {Host: "localhost", Port: 1025, TLS: "none"},
		"smtp://[::1]?tls=none":          {Host: "::1", Port: 25, TLS: "none"},
	} {
		settings := load(t, "SMTP_URL="+url, "MAIL_FROM=a@b.example").Mail
		require.True(t, settings.HasServer())
		server, err := settings.Server()
		require.NoError(t, err, url)
		require.Equal(t, want, server)
	}
}

func TestMailWithoutAServer(t *testing.T) {
	require.False(t, load(t).Mail.HasServer())
	require.False(t, load(t).Mail.IsOff())
	off := load(t, production("SMTP_URL=none", "MAIL_FROM=")...)
	require.True(t, off.Mail.IsOff())
	require.False(t, off.Mail.HasServer())
}

func TestTheServiceIsCalledAsInMailFrom(t *testing.T) {
	for want, environ := range map[string][]string{
		"Acme":           {"MAIL_FROM=Acme <no-reply@example.com>"},
		"Größe & Söhne":  {`MAIL_FROM="Größe & Söhne" <no-reply@example.com>`},
		"localhost:8080": {"MAIL_FROM=no-reply@example.com"},
		"a.example":      {"PUBLIC_URL=https://a.example"},
	} {
		require.Equal(t, want, load(t, environ...).ServiceName())
	}
}
