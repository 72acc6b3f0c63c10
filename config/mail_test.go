package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestMail_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"MAIL_LINK_VERIFY", []string{"verify", "mailto:a@b.example", "https://"}, "not a link", nil},
		{"MAIL_LINK_RESET", []string{"javascript://x", "https://u:HUSH@a.example/", "https://a.example/#x"}, "does not belong in a mail", nil},
		{"MAIL_LINK_UNDO", []string{"http://a.example/undo"}, "https://", production()},
		{"SMTP_URL", []string{""}, "required in production", production()},
		{"MAIL_FROM", []string{""}, "required with SMTP_URL", []string{"SMTP_URL=smtp://h"}},
		{"MAIL_FROM", []string{"Acme", "a@b, c@d", "Acme <a@b> x", "@"}, "not an email address", nil},
		{"MAIL_FROM", []string{"Größe <grüße@example.com>", "a@grüße.example"}, "ASCII", nil},
	})
}

func TestMail_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelError, "SMTP_URL", "/dev/mail", []string{development, "SMTP_URL="}},
		{config.LevelError, "SMTP_URL", "sent unencrypted", []string{"SMTP_URL=smtp://mail.example.com?tls=none", development}},
		{config.LevelWarning, "SMTP_URL", "is none", []string{"SMTP_URL=none"}},
	})
}

func TestMail_IsOff(t *testing.T) {
	t.Parallel()
	require.False(t, load(t).Mail.HasServer())
	require.False(t, load(t).Mail.IsOff())
	off := load(t, production("SMTP_URL=none", "MAIL_FROM=")...)
	require.True(t, off.Mail.IsOff())
	require.False(t, off.Mail.HasServer())
}

func TestSettings_ServiceName(t *testing.T) {
	t.Parallel()
	for want, environ := range map[string][]string{
		"Acme":           {"MAIL_FROM=Acme <no-reply@example.com>"},
		"Größe & Söhne":  {`MAIL_FROM="Größe & Söhne" <no-reply@example.com>`},
		"localhost:8080": {"MAIL_FROM=no-reply@example.com"},
		"a.example":      {"PUBLIC_URL=https://a.example"},
	} {
		require.Equal(t, want, load(t, environ...).ServiceName())
	}
}
