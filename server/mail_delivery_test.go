package server

import (
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	smtpmock "github.com/mocktools/go-smtp-mock/v2"
	"github.com/stretchr/testify/require"

	"latchkey/config"
	"latchkey/mail"
)

func newTestDelivery(t *testing.T, environ ...string) delivery {
	t.Helper()
	settings, err := config.Load(append(environ, "SECRET_KEY=u3X0rQ2hVb9TzM7pKcW5yLe8NdJ1aGfS6oHiRtYwZkQ="), t.TempDir())
	require.NoError(t, err)
	now := func() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }
	delivery, err := newDelivery(settings, Resources{Log: slog.New(slog.DiscardHandler), Now: now})
	require.NoError(t, err)
	return delivery
}

func TestMailDelivery_IsChosenBySMTPURL(t *testing.T) {
	t.Parallel()
	kept := newTestDelivery(t)
	require.IsType(t, &mail.Mailbox{}, kept.sender)
	require.NotNil(t, kept.page)
	off := newTestDelivery(t, "SMTP_URL=none")
	require.IsType(t, mail.Discard{}, off.sender)
	require.Nil(t, off.page)
	sent := newTestDelivery(t, "APP_ENV=production", "PUBLIC_URL=https://a.example", "SMTP_URL=smtps://u:p@h", "MAIL_FROM=a@b.example")
	require.IsType(t, &mail.SMTP{}, sent.sender)
	require.Nil(t, sent.page)
}

func TestMailDelivery_SendsAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	server := smtpmock.New(smtpmock.ConfigurationAttr{MultipleMessageReceiving: true})
	require.NoError(t, server.Start())
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	delivery := newTestDelivery(t, "MAIL_FROM=Acme <no-reply@acme.example>",
		"SMTP_URL=smtp://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(server.PortNumber()))+"?tls=none")
	rendered, err := delivery.templates.Render(mail.Message{Kind: mail.NewDevice, To: "ann@example.com"})
	require.NoError(t, err)
	require.Contains(t, rendered.Text, "your Acme account")
	require.NoError(t, delivery.sender.Send(t.Context(), rendered))
	sent := server.Messages()[0]
	require.Equal(t, "MAIL FROM:<no-reply@acme.example>", strings.TrimSuffix(sent.MailfromRequest(), " BODY=8BITMIME"))
	require.Contains(t, sent.MsgRequest(), `From: "Acme" <no-reply@acme.example>`)
	require.Contains(t, sent.MsgRequest(), "Date: Sun, 01 Mar 2026 12:00:00 +0000")
}
