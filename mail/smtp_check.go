package mail

import (
	"context"
	"errors"
)

// Check connects to the server, introduces itself, encrypts and logs in as for a delivery, and sends no mail. It gives up when
// ctx ends, or after the timeout.
func (s *SMTP) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	return failure(ctx, s.greet(ctx), s.from.Address)
}

func (s *SMTP) greet(ctx context.Context) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	client, err := s.client(conn)
	if err != nil {
		return err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	return errors.Join(session.Noop(), client.CloseWithSMTPClient(session))
}
