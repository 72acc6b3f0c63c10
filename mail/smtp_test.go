package mail_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	smtpmock "github.com/mocktools/go-smtp-mock/v2"
	"github.com/stretchr/testify/require"

	"latchkey/mail"
	"latchkey/testkit"
)

// opened is a message as a mail program reads it.
type opened struct {
	header netmail.Header
	parts  []part
}

type part struct{ kind, charset, content string }

func open(t *testing.T, content string) opened {
	t.Helper()
	message, err := netmail.ReadMessage(strings.NewReader(content))
	require.NoError(t, err)
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	result := opened{header: message.Header}
	reader := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		next, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return result
		}
		require.NoError(t, err)
		require.Equal(t, "quoted-printable", next.Header.Get("Content-Transfer-Encoding"))
		decoded, err := io.ReadAll(quotedprintable.NewReader(next))
		require.NoError(t, err)
		kind, parameters, err := mime.ParseMediaType(next.Header.Get("Content-Type"))
		require.NoError(t, err)
		result.parts = append(result.parts, part{kind, parameters["charset"], string(bytes.ReplaceAll(decoded, []byte("\r\n"), []byte("\n")))})
	}
}

func TestSMTP_Send_ArrivesAsItWasWritten(t *testing.T) {
	for _, encryption := range []mail.TLS{mail.StartTLS, mail.ImplicitTLS, mail.NoTLS} {
		t.Run(string(encryption), func(t *testing.T) {
			server := newServer(t, encryption)
			of := letter(mail.ResetPassword, "ja")
			of.ID = uuid.MustParse("019ab0de-0000-7000-8000-000000000001")
			rendered := render(t, of)
			require.NoError(t, server.sender(t, encryption).Send(t.Context(), rendered))

			came := server.only(t)
			require.Equal(t, "no-reply@acme.example", came.from)
			require.Equal(t, of.To, came.to)
			for line := range strings.Lines(came.content) {
				require.LessOrEqual(t, len(line), 998+2)
				require.False(t, strings.ContainsFunc(line, func(r rune) bool { return r > 126 }), "8-bit: %q", line)
			}
			message := open(t, came.content)
			subject, err := new(mime.WordDecoder).DecodeHeader(message.header.Get("Subject"))
			require.NoError(t, err)
			require.Equal(t, "新しいパスワードの設定", subject)
			from, err := message.header.AddressList("From")
			require.NoError(t, err)
			require.Equal(t, []*netmail.Address{{Name: "Acme Größe", Address: "no-reply@acme.example"}}, from)
			require.Equal(t, "<ann@example.com>", message.header.Get("To"))
			date, err := message.header.Date()
			require.NoError(t, err)
			require.True(t, moment().Equal(date))
			require.Equal(t, "<"+of.ID.String()+"@acme.example>", message.header.Get("Message-ID"))
			require.Equal(t, "auto-generated", message.header.Get("Auto-Submitted"))
			require.Equal(t, "1.0", message.header.Get("MIME-Version"))
			require.Empty(t, message.header.Get("User-Agent")+message.header.Get("X-Mailer"), "the library does not say its name")
			require.Equal(t, []part{
				{"text/plain", "UTF-8", rendered.Text}, {"text/html", "UTF-8", rendered.HTML},
			}, message.parts)
			if encryption != mail.NoTLS {
				require.Equal(t, []string{user}, server.users)
			}
		})
	}
}

func TestSMTP_Send_EachMailHasAnIDOfItsOwn(t *testing.T) {
	server := newServer(t, mail.StartTLS)
	sender := server.sender(t, mail.StartTLS)
	for range 2 {
		require.NoError(t, sender.Send(t.Context(), render(t, letter(mail.NewDevice, "en"))))
	}
	first, second := open(t, server.mails[0].content).header, open(t, server.mails[1].content).header
	require.NotEqual(t, first.Get("Message-ID"), second.Get("Message-ID"))
	require.Regexp(t, `^<[0-9a-f-]{36}@acme\.example>$`, first.Get("Message-ID"))
}

// The names and subjects here could not come out of a template; the sender does not rely on that.
func TestSMTP_Send_NothingCanAddAHeader(t *testing.T) {
	const injection = "x\r\nBcc: eve@evil.example\r\n\r\n<b>"
	server := newServer(t, mail.StartTLS)
	of := letter(mail.PasswordChanged, "en")
	of.Name, of.UserAgent, of.IP, of.Locale, of.Timezone = injection, injection, injection, injection, injection
	rendered := render(t, of)
	rendered.Subject = injection
	require.NoError(t, server.sender(t, mail.StartTLS).Send(t.Context(), rendered))
	message := open(t, server.only(t).content)
	require.Equal(t, of.To, server.only(t).to)
	var names []string
	for name := range message.header {
		names = append(names, name)
	}
	slices.Sort(names)
	require.Equal(t, []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To",
		"X-Auto-Response-Suppress"}, names)
	require.NotContains(t, message.parts[0].content+message.parts[1].content, "evil")
}

func TestSMTP_Send_WritesToOnePlainAddress(t *testing.T) {
	server := newServer(t, mail.StartTLS)
	for _, to := range []string{
		"", "ann", "ann@", "@example.com", "ann@example.com\r\nBcc: eve@evil.example", "ann@example.com>\r\nRCPT TO:<eve@evil.example",
		"ann@example.com, eve@evil.example", "Ann <ann@example.com>", "ann@example.com (Ann)", "<ann@example.com>", "a b@example.com",
		"ann@example.com\x00", "group:ann@example.com;", strings.Repeat("a", 400) + "@example.com",
	} {
		rendered := render(t, letter(mail.NewDevice, "en"))
		rendered.To = to
		require.ErrorIs(t, server.sender(t, mail.StartTLS).Send(t.Context(), rendered), mail.ErrPermanent, "%q", to)
	}
	sessions, mails := server.count()
	require.Zero(t, sessions)
	require.Zero(t, mails)
}

func TestSMTP_Send_AddressesBeyondASCII(t *testing.T) {
	rendered := render(t, letter(mail.NewDevice, "en"))
	rendered.To = "größe@example.com"

	knows := newServer(t, mail.StartTLS, func(_ *server, s *smtp.Server) { s.EnableSMTPUTF8 = true })
	require.NoError(t, knows.sender(t, mail.StartTLS).Send(t.Context(), rendered))
	require.Equal(t, rendered.To, knows.only(t).to)
	require.True(t, knows.only(t).utf8)

	knowsNot := newServer(t, mail.StartTLS)
	err := knowsNot.sender(t, mail.StartTLS).Send(t.Context(), rendered)
	require.ErrorIs(t, err, mail.ErrPermanent)
	require.ErrorContains(t, err, "the server lacks SMTPUTF8")
	require.NotContains(t, err.Error(), rendered.To)
	_, mails := knowsNot.count()
	require.Zero(t, mails)
}

// A local part in quotes is written with them, in the envelope and in the header.
func TestSMTP_Send_QuotedLocalParts(t *testing.T) {
	server := newServer(t, mail.StartTLS)
	for i, to := range []string{`"a..b"@docomo.example`, `"ab."@docomo.example`, `".ab"@docomo.example`} {
		rendered := render(t, letter(mail.NewDevice, "en"))
		rendered.To = to
		require.NoError(t, server.sender(t, mail.StartTLS).Send(t.Context(), rendered))
		require.Contains(t, server.mails[i].content, "To: <"+to+">\r\n")
		require.Equal(t, strings.ReplaceAll(to, `"`, ""), server.mails[i].to, "the server takes the quotes off")
	}
	for _, to := range []string{"a..b@docomo.example", `"ann"@docomo.example`, `"a..b"@docomo.example>, <eve@example.com`} {
		rendered := render(t, letter(mail.NewDevice, "en"))
		rendered.To = to
		require.ErrorIs(t, server.sender(t, mail.StartTLS).Send(t.Context(), rendered), mail.ErrPermanent, to)
	}
}

// What a server can't deliver is known from what it says, and asked once in ten minutes.
func TestSMTP_Takes(t *testing.T) {
	lacks, now := newServer(t, mail.StartTLS), moment()
	sender := lacks.sender(t, mail.StartTLS, func(o *mail.SMTPOptions) { o.Now = func() time.Time { return now } })
	require.True(t, sender.Takes(t.Context(), `"a..b"@example.com`))
	sessions, _ := lacks.count()
	require.Zero(t, sessions, "nobody was asked about an ASCII address")
	for range 3 {
		require.False(t, sender.Takes(t.Context(), "größe@example.com"))
	}
	asked, _ := lacks.count()
	require.Positive(t, asked)
	now = now.Add(11 * time.Minute)
	require.False(t, sender.Takes(t.Context(), "größe@example.com"))
	again, _ := lacks.count()
	require.Equal(t, 2*asked, again)

	knows := newServer(t, mail.StartTLS, func(_ *server, s *smtp.Server) { s.EnableSMTPUTF8 = true })
	require.True(t, knows.sender(t, mail.StartTLS).Takes(t.Context(), "größe@example.com"))
}

// A delivery tells what the server can, and a server that does not answer is given the benefit of the doubt.
func TestSMTP_Takes_LearnsFromDeliveries(t *testing.T) {
	server := newServer(t, mail.StartTLS)
	sender := server.sender(t, mail.StartTLS)
	require.NoError(t, sender.Send(t.Context(), render(t, letter(mail.NewDevice, "en"))))
	before, _ := server.count()
	require.False(t, sender.Takes(t.Context(), "größe@example.com"))
	after, _ := server.count()
	require.Equal(t, before, after)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	nobody := server.sender(t, mail.StartTLS, func(o *mail.SMTPOptions) { o.Port = listener.Addr().(*net.TCPAddr).Port })
	require.True(t, nobody.Takes(t.Context(), "größe@example.com"))
}

// A server that does not offer STARTTLS gets neither the password nor the letter.
func TestSMTP_Send_NothingWithoutTLS(t *testing.T) {
	server := newServer(t, mail.NoTLS)
	err := server.sender(t, mail.StartTLS).Send(t.Context(), render(t, letter(mail.NewDevice, "en")))
	require.ErrorContains(t, err, "STARTTLS")
	requireTemporary(t, err)
	_, mails := server.count()
	require.Zero(t, mails)
	require.Empty(t, server.users)
}

func TestSMTP_Send_VerifiesCertificates(t *testing.T) {
	for _, encryption := range []mail.TLS{mail.StartTLS, mail.ImplicitTLS} {
		server := newServer(t, encryption)
		strangers := server.sender(t, encryption, func(o *mail.SMTPOptions) { o.Roots = nil })
		err := strangers.Send(t.Context(), render(t, letter(mail.NewDevice, "en")))
		require.ErrorContains(t, err, "certificate")
		requireTemporary(t, err)
		otherName := server.sender(t, encryption, func(o *mail.SMTPOptions) { o.Host = "localhost" })
		require.ErrorContains(t, otherName.Send(t.Context(), render(t, letter(mail.NewDevice, "en"))), "certificate")
		_, mails := server.count()
		require.Zero(t, mails)
	}
}

func requireTemporary(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.NotErrorIs(t, err, mail.ErrPermanent)
}

func TestSMTP_Send_Refusals(t *testing.T) {
	refusal := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "No thanks, ann@example.com"}
	}
	for name, c := range map[string]struct {
		refuse    func(*server)
		permanent bool
		says      string
	}{
		"unknown recipient": {func(s *server) { s.to = refusal(550) }, true, "550"},
		"greylisting":       {func(s *server) { s.to = refusal(450) }, false, "450"},
		"refused content":   {func(s *server) { s.data = refusal(554) }, true, "554"},
		"no space":          {func(s *server) { s.data = refusal(452) }, false, "452"},
		"refused sender":    {func(s *server) { s.from = refusal(550) }, false, "550"},
		"busy":              {func(s *server) { s.from = refusal(421) }, false, "421"},
		"refused login":     {func(s *server) { s.login = refusal(535) }, false, "535"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, mail.StartTLS, func(s *server, _ *smtp.Server) { c.refuse(s) })
			err := server.sender(t, mail.StartTLS).Send(t.Context(), render(t, letter(mail.ResetPassword, "en")))
			if c.permanent {
				require.ErrorIs(t, err, mail.ErrPermanent)
			} else {
				requireTemporary(t, err)
			}
			require.ErrorContains(t, err, c.says)
			for _, secret := range []string{password, code, link, "ann@example.com", "\n"} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
}

func TestSMTP_Send_ServerIsAway(t *testing.T) {
	closed := &server{port: testkit.Port(t)}
	for _, encryption := range []mail.TLS{mail.StartTLS, mail.ImplicitTLS, mail.NoTLS} {
		err := closed.sender(t, encryption).Send(t.Context(), render(t, letter(mail.NewDevice, "en")))
		requireTemporary(t, err)
		require.NotContains(t, err.Error(), password)
	}
}

// A server that accepts the connection and then says nothing holds nobody longer than the timeout or the context.
func TestSMTP_Send_ServerIsSilent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	silent := &server{port: listener.Addr().(*net.TCPAddr).Port}
	rendered := render(t, letter(mail.NewDevice, "en"))
	for _, encryption := range []mail.TLS{mail.StartTLS, mail.ImplicitTLS, mail.NoTLS} {
		impatient := silent.sender(t, encryption, func(o *mail.SMTPOptions) { o.Timeout = 20 * time.Millisecond })
		err := impatient.Send(t.Context(), rendered)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		requireTemporary(t, err)

		patient := silent.sender(t, encryption, func(o *mail.SMTPOptions) { o.Timeout = time.Hour })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		require.ErrorIs(t, patient.Send(ctx, rendered), context.Canceled)
	}
}

// What goes wrong after the server took the letter is no reason to send it again.
func TestSMTP_Send_WhatWasTakenIsSent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		answer := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
		answer("220 hello")
		buffer, seen := make([]byte, 4096), ""
		for !strings.Contains(seen, "\r\n.\r\n") {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			seen += string(buffer[:n])
			switch {
			case strings.HasSuffix(seen, "DATA\r\n"):
				answer("354 go on")
			case !strings.Contains(seen, "DATA\r\n"):
				answer("250 ok")
			}
		}
		answer("250 taken") // and hangs up
	}()
	server := &server{port: listener.Addr().(*net.TCPAddr).Port}
	require.NoError(t, server.sender(t, mail.NoTLS).Send(t.Context(), render(t, letter(mail.NewDevice, "en"))))
}

// The same against a server that somebody else wrote.
func TestSMTP_Send_ToAMockServer(t *testing.T) {
	mock := smtpmock.New(smtpmock.ConfigurationAttr{MultipleMessageReceiving: true, NotRegisteredEmails: []string{"gone@example.com"}})
	require.NoError(t, mock.Start())
	t.Cleanup(func() { require.NoError(t, mock.Stop()) })
	sender := (&server{port: mock.PortNumber()}).sender(t, mail.NoTLS)
	rendered := render(t, letter(mail.VerifyEmail, "de"))
	require.NoError(t, sender.Send(t.Context(), rendered))
	messages := mock.Messages() // a new one begins after each
	require.NotEmpty(t, messages)
	require.Equal(t, "EHLO acme.example", messages[0].HeloRequest())
	require.Equal(t, rendered.Text, open(t, messages[0].MsgRequest()).parts[0].content)
	rendered.To = "gone@example.com"
	require.ErrorIs(t, sender.Send(t.Context(), rendered), mail.ErrPermanent)
}

func TestNewSMTP_ChecksTheSendersAddress(t *testing.T) {
	_, err := mail.NewSMTP(mail.SMTPOptions{From: "Acme"})
	require.Error(t, err)
}
