package mail_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/mail"
)

func TestMailbox_KeepsTheLastHundredNewestFirst(t *testing.T) {
	mailbox := mail.NewMailbox(slog.New(slog.DiscardHandler), moment)
	require.Empty(t, mailbox.List())
	for i := range 103 {
		require.NoError(t, mailbox.Send(t.Context(), mail.Email{Subject: fmt.Sprint(i)}))
	}
	list := mailbox.List()
	require.Len(t, list, 100)
	require.Equal(t, mail.Stored{Email: mail.Email{Subject: "102"}, SentAt: moment()}, list[0])
	require.Equal(t, "3", list[99].Subject)
	mailbox.Empty()
	require.Empty(t, mailbox.List())
}

func TestMailbox_Send_LogsOneLineWithTheLink(t *testing.T) {
	var log bytes.Buffer
	mailbox := mail.NewMailbox(slog.New(slog.NewTextHandler(&log, nil)), moment)
	require.NoError(t, mailbox.Send(t.Context(), render(t, letter(mail.ResetPassword, "en"))))
	require.Equal(t, 1, strings.Count(log.String(), "\n"))
	for _, says := range []string{"to=ann@example.com", link, "code=" + code} {
		require.Contains(t, log.String(), says)
	}
}

func TestMailbox_IsSafeForConcurrentUse(t *testing.T) {
	mailbox := mail.NewMailbox(slog.New(slog.DiscardHandler), moment)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				_ = mailbox.Send(t.Context(), mail.Email{})
				_ = mailbox.List()
			}
		})
	}
	all.Wait()
	require.Len(t, mailbox.List(), 100)
}

func TestDiscard_SendsNothing(t *testing.T) {
	require.NoError(t, mail.Discard{}.Send(t.Context(), mail.Email{To: "ann@example.com"}))
}
