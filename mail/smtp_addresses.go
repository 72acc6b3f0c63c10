package mail

import (
	"context"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

const (
	extensionsKept = 10 * time.Minute // after that, what the server said is asked again
	askTimeout     = 3 * time.Second
)

// extensions are what a server said that it can do, and when.
type extensions struct {
	utf8 bool // SMTPUTF8 (RFC 6531)
	at   time.Time
}

// learn keeps what the server says that it can do, and reports whether it takes addresses beyond ASCII.
func (s *SMTP) learn(session *smtp.Client) (utf8 bool) {
	utf8, _ = session.Extension("SMTPUTF8")
	s.learned.Store(&extensions{utf8: utf8, at: s.options.Now()})
	return utf8
}

// Takes reports whether the server delivers to an address whose local part may have letters beyond ASCII. Where that is not
// known, it asks the server, for three seconds at most; if there is no answer it assumes that it does.
func (s *SMTP) Takes(ctx context.Context, address string) bool {
	if isASCII(address) {
		return true
	}
	known := s.learned.Load()
	if known == nil || s.options.Now().Sub(known.at) > extensionsKept {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		_ = s.converse(ctx, func(_ *gomail.Client, session *smtp.Client) error {
			s.learn(session)
			return nil
		})
		known = s.learned.Load()
	}
	return known == nil || known.utf8
}
