package mail

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// mailboxSize is how many messages a mailbox keeps.
const mailboxSize = 100

// Mailbox keeps messages in memory instead of sending them, and logs their links. It is for development, and safe for
// concurrent use.
type Mailbox struct {
	log *slog.Logger
	now func() time.Time

	mu     sync.Mutex
	emails []Stored // oldest first
}

// Stored is a message in a mailbox.
type Stored struct {
	Email
	SentAt time.Time
}

// NewMailbox makes an empty mailbox.
func NewMailbox(log *slog.Logger, now func() time.Time) *Mailbox {
	return &Mailbox{log: log, now: now}
}

// Send keeps the message; of many it keeps the last hundred.
func (m *Mailbox) Send(ctx context.Context, message Email) error {
	m.mu.Lock()
	m.emails = append(m.emails, Stored{message, m.now().UTC()})
	m.emails = m.emails[max(0, len(m.emails)-mailboxSize):]
	m.mu.Unlock()
	m.log.InfoContext(ctx, "mail for the development mailbox",
		"to", message.To, "subject", message.Subject, "links", message.Links, "code", message.Code)
	return nil
}

// List returns the messages, newest first.
func (m *Mailbox) List() []Stored {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(m.emails)
	slices.Reverse(list)
	return list
}

// Empty throws all messages away.
func (m *Mailbox) Empty() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.emails = nil
}
