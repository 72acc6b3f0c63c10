package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/google/uuid"
	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// TLS is how a connection to a mail server is encrypted.
type TLS string

// The ways of encrypting.
const (
	StartTLS    TLS = "starttls" // the connection begins unencrypted, and a server that does not switch to TLS gets nothing
	ImplicitTLS TLS = "implicit" // TLS from the first byte
	NoTLS       TLS = "none"     // for a server on the same machine
)

const (
	defaultTimeout   = 30 * time.Second
	maxAddressLength = 320 // bytes; RFC 3696, section 3
	maxReasonLength  = 300 // bytes of an error that are worth keeping
)

// SMTPOptions are where mail is delivered, and from whom. From is an address, with a name or without. A zero Timeout is
// half a minute for the whole of a delivery; nil Roots are the system's.
type SMTPOptions struct {
	Host     string
	Port     int
	User     string // empty: the server wants no login
	Password string
	TLS      TLS
	From     string
	Timeout  time.Duration
	Roots    *x509.CertPool
	Now      func() time.Time
}

// SMTP hands messages to a mail server, over a connection of its own for each. It is safe for concurrent use.
type SMTP struct {
	options SMTPOptions
	from    *mail.Address
	domain  string // of from, by which we introduce ourselves
	learned atomic.Pointer[extensions]
}

// NewSMTP makes a sender. It connects to nothing yet.
func NewSMTP(options SMTPOptions) (*SMTP, error) {
	from, err := mail.ParseAddress(options.From)
	if err != nil {
		return nil, fmt.Errorf("mail: the sender's address: %w", err)
	}
	options.Timeout = cmp.Or(options.Timeout, defaultTimeout)
	domain := from.Address[strings.LastIndex(from.Address, "@")+1:]
	return &SMTP{options: options, from: from, domain: domain}, nil
}

// Send delivers a message to the server. It gives up when ctx ends, or after the timeout.
func (s *SMTP) Send(ctx context.Context, message Email) error {
	kind, err := s.compose(message)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	err = s.converse(ctx, func(client *gomail.Client, session *smtp.Client) error {
		if !s.learn(session) && !isASCII(message.To) {
			return fmt.Errorf("%w: the server lacks SMTPUTF8 and takes no address with letters beyond ASCII before the @", ErrPermanent)
		}
		return client.SendWithSMTPClient(session, kind)
	})
	if kind.IsDelivered() {
		return nil // what fails after the server took the message must not send it twice
	}
	return failure(ctx, err, message.To)
}

// converse introduces itself to the server, says what it has to, and takes its leave, on a connection that ends with ctx.
func (s *SMTP) converse(ctx context.Context, say func(*gomail.Client, *smtp.Client) error) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// The library looks at the context only while it connects. Without its connection it returns at once.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	client, err := s.client(conn)
	if err != nil {
		return err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	return errors.Join(say(client, session), client.CloseWithSMTPClient(session))
}

func (s *SMTP) dial(ctx context.Context) (net.Conn, error) {
	address := net.JoinHostPort(s.options.Host, strconv.Itoa(s.options.Port))
	if s.options.TLS == ImplicitTLS {
		dialer := tls.Dialer{Config: s.tlsConfig()}
		return dialer.DialContext(ctx, "tcp", address)
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address)
}

func (s *SMTP) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.options.Host, RootCAs: s.options.Roots, MinVersion: tls.VersionTLS12}
}

// client makes the library speak over conn.
func (s *SMTP) client(conn net.Conn) (*gomail.Client, error) {
	policy := gomail.NoTLS
	if s.options.TLS == StartTLS {
		policy = gomail.TLSMandatory
	}
	options := []gomail.Option{
		gomail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil }),
		gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(s.tlsConfig()),
		gomail.WithHELO(s.domain),
		gomail.WithTimeout(2 * s.options.Timeout), // the context ends before, and says why
	}
	if s.options.User != "" {
		options = append(options, gomail.WithUsername(s.options.User), gomail.WithPassword(s.options.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return gomail.NewClient(s.options.Host, options...)
}

func (s *SMTP) compose(message Email) (*gomail.Msg, error) {
	to, err := parseRecipient(message.To)
	if err != nil {
		return nil, err
	}
	id := message.ID
	if id == uuid.Nil {
		id = uuid.New()
	}
	kind := gomail.NewMsg(gomail.WithNoDefaultUserAgent()) // UTF-8, quoted-printable
	kind.FromMailAddress(s.from)
	kind.ToMailAddress(to)
	kind.Subject(message.Subject)
	kind.SetDateWithValue(s.options.Now())
	kind.SetMessageIDWithValue(id.String() + "@" + s.domain)
	kind.SetGenHeader("Auto-Submitted", "auto-generated")        // RFC 3834, section 5
	kind.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All") // what Exchange has for it
	kind.SetBodyString(gomail.TypeTextPlain, message.Text)
	kind.AddAlternativeString(gomail.TypeTextHTML, message.HTML)
	return kind, nil
}

// parseRecipient takes one bare address and no more; a mail library takes names, comments and lists as well.
func parseRecipient(to string) (*mail.Address, error) {
	unwritable := fmt.Errorf("%w: the recipient's address can't be written to", ErrPermanent)
	if len(to) > maxAddressLength || strings.ContainsFunc(to, unicode.IsControl) {
		return nil, unwritable
	}
	address, err := mail.ParseAddress("<" + to + ">")
	if err != nil || address.String() != "<"+to+">" { // which puts a local part into quotes where it needs them
		return nil, unwritable
	}
	return address, nil
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}

// failure describes an error in words that hold nothing of the recipient. It wraps ErrPermanent unless a retry may help: a
// refusal of our login or of our sender's address is the operator's to fix, and so worth one.
func failure(ctx context.Context, err error, to string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("mail: gave up waiting for the server: %w", ctx.Err())
	}
	if errors.Is(err, ErrPermanent) {
		return err
	}
	reason := reasonOf(err, to)
	var refused *gomail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 && isAboutTheMessage(refused.Reason) {
		return fmt.Errorf("%w: %s", ErrPermanent, reason)
	}
	return fmt.Errorf("mail: %s", reason)
}

func isAboutTheMessage(reason gomail.SendErrReason) bool {
	return reason == gomail.ErrSMTPRcptTo || reason == gomail.ErrSMTPData || reason == gomail.ErrSMTPDataClose
}

// reasonOf is one line of what the library and the server say, without whom the message was for.
func reasonOf(err error, to string) string {
	reason, _, _ := strings.Cut(err.Error(), ", affected ")
	reason = strings.ReplaceAll(reason, to, "(recipient)")
	reason = strings.Join(strings.FieldsFunc(reason, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if len(reason) > maxReasonLength {
		reason = strings.ToValidUTF8(reason[:maxReasonLength], "") + "…"
	}
	return reason
}
