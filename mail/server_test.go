package mail_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"latchkey/mail"
)

const (
	user     = "latchkey"
	password = "plum-stone"
)

// server is a mail server on the loopback that keeps what it is sent. Its fields say what it refuses, and with what.
type server struct {
	port  int
	roots *x509.CertPool // that know its certificate

	login, from, to, data error

	mu       sync.Mutex
	sessions int
	users    []string
	mails    []received
}

// received is one message as it came.
type received struct {
	from, to string
	utf8     bool
	content  string
}

// newServer serves until the test ends. The changes are made before.
func newServer(t *testing.T, encryption mail.TLS, changes ...func(*server, *smtp.Server)) *server {
	t.Helper()
	certificate, roots := certificate(t)
	s := &server{roots: roots}
	listening := smtp.NewServer(s)
	listening.Domain = "mail.example"
	listening.ErrorLog = log.New(io.Discard, "", 0)
	listening.AllowInsecureAuth = encryption == mail.NoTLS
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if encryption == mail.StartTLS {
		listening.TLSConfig = config
	}
	for _, change := range changes {
		change(s, listening)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.port = listener.Addr().(*net.TCPAddr).Port
	if encryption == mail.ImplicitTLS {
		listener = tls.NewListener(listener, config)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = listening.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = listening.Close()
		_ = listener.Close() // which a server that was closed before it began does not know of
		<-done
	})
	return s
}

// certificate makes one for 127.0.0.1, and who trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// sender sends to the server. The change is made to the options before.
func (s *server) sender(t *testing.T, encryption mail.TLS, changes ...func(*mail.SMTPOptions)) *mail.SMTP {
	t.Helper()
	options := mail.SMTPOptions{
		Host: "127.0.0.1", Port: s.port, TLS: encryption, From: "Acme Größe <no-reply@acme.example>", Roots: s.roots, Now: moment,
		Timeout: 10 * time.Second,
	}
	if encryption != mail.NoTLS {
		options.User, options.Password = user, password
	}
	for _, change := range changes {
		change(&options)
	}
	sender, err := mail.NewSMTP(options)
	require.NoError(t, err)
	return sender
}

// only is the one message that has come.
func (s *server) only(t *testing.T) received {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Len(t, s.mails, 1)
	return s.mails[0]
}

func (s *server) count() (sessions, mails int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions, len(s.mails)
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	return &session{server: s}, nil
}

// session is one connection.
type session struct {
	server *server
	mail   received
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, given string) error {
		if s.server.login != nil || name != user || given != password {
			return smtp.ErrAuthFailed
		}
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.users = append(s.server.users, name)
		return nil
	}), nil
}

func (s *session) Mail(from string, options *smtp.MailOptions) error {
	s.mail.from, s.mail.utf8 = from, options.UTF8
	return s.server.from
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to += to
	return s.server.to
}

func (s *session) Data(r io.Reader) error {
	var content strings.Builder
	if _, err := io.Copy(&content, r); err != nil || s.server.data != nil {
		return s.server.data
	}
	s.mail.content = content.String()
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, s.mail)
	return nil
}
