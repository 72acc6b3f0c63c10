package mail_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/mail"
)

func TestSMTP_Check_LogsInAndSendsNothing(t *testing.T) {
	t.Parallel()
	for _, encryption := range []mail.TLS{mail.StartTLS, mail.ImplicitTLS, mail.NoTLS} {
		server := newServer(t, encryption)
		require.NoError(t, server.sender(t, encryption).Check(t.Context()), encryption)
		sessions, mails := server.count()
		require.Positive(t, sessions)
		require.Zero(t, mails)
	}
}

func TestSMTP_Check_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	server := newServer(t, mail.StartTLS)
	wrong := server.sender(t, mail.StartTLS, func(o *mail.SMTPOptions) { o.Password = "wrong" })
	err := wrong.Check(t.Context())
	require.ErrorContains(t, err, "535")
	require.NotContains(t, err.Error(), "wrong")
	untrusted := server.sender(t, mail.StartTLS, func(o *mail.SMTPOptions) { o.Roots = nil })
	require.ErrorContains(t, untrusted.Check(t.Context()), "certificate")

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	mute := server.sender(t, mail.StartTLS, func(o *mail.SMTPOptions) {
		o.Port, o.Timeout = silent.Addr().(*net.TCPAddr).Port, 50*time.Millisecond
	})
	require.ErrorContains(t, mute.Check(t.Context()), "gave up waiting")
}
