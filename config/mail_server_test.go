package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestMail_Server(t *testing.T) {
	t.Parallel()
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

func TestMail_Server_Refused(t *testing.T) {
	t.Parallel()
	withFrom := []string{"MAIL_FROM=a@b.example"}
	requireRefused(t, []refusal{
		{"SMTP_URL", []string{"mail.example.com:587", "http://h", "off", "NONE", "//h"}, "does not begin with smtp", withFrom},
		{"SMTP_URL", []string{"smtp://u:HU/SH@h", "smtp://u:HUSH%@h", "smtp://u:p@h:5x"}, "can't be read as a URL", withFrom},
		{"SMTP_URL", []string{"smtp://", "smtp://-", "smtp://a b.example", "smtp://:587"}, "", withFrom},
		{"SMTP_URL", []string{"smtp://h:0", "smtp://h:65536"}, "no usable port", withFrom},
		{"SMTP_URL", []string{"smtp://u:HUSH@h/x", "smtp://h#x"}, "after the host", withFrom},
		{"SMTP_URL", []string{"smtp://u@h", "smtp://:HUSH@h"}, "without", withFrom},
		{"SMTP_URL", []string{"smtp://u:HUSH@h?tls=none"}, "sent unencrypted", withFrom},
		{"SMTP_URL", []string{"smtp://h?tls=off", "smtp://h?tls", "smtp://h?TLS=none", "smtp://h?tls=none&x=y", "smtp://h?%"},
			"options other than tls=none", withFrom},
		{"SMTP_URL", []string{"smtps://h?tls=none"}, "and has tls=none", withFrom},
	})
}
