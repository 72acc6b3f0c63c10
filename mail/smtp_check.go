package mail

import (
	"context"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Check connects to the server, introduces itself, encrypts and logs in as for a delivery, and sends no mail. It gives up when
// ctx ends, or after the timeout.
func (s *SMTP) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	err := s.converse(ctx, func(_ *gomail.Client, session *smtp.Client) error { return session.Noop() })
	return failure(ctx, err, s.from.Address)
}
