package mail

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// mailboxSize is how many letters a mailbox keeps.
const mailboxSize = 100

// Mailbox keeps letters in memory instead of sending them, and logs their links. It is for development, and safe for
// concurrent use.
type Mailbox struct {
	log *slog.Logger
	now func() time.Time

	mu      sync.Mutex
	letters []Kept // oldest first
}

// Kept is a letter in a mailbox.
type Kept struct {
	Rendered
	SentAt time.Time
}

// NewMailbox makes an empty mailbox.
func NewMailbox(log *slog.Logger, now func() time.Time) *Mailbox {
	return &Mailbox{log: log, now: now}
}

// Send keeps the letter; of many it keeps the last hundred.
func (m *Mailbox) Send(ctx context.Context, letter Rendered) error {
	m.mu.Lock()
	m.letters = append(m.letters, Kept{letter, m.now().UTC()})
	m.letters = m.letters[max(0, len(m.letters)-mailboxSize):]
	m.mu.Unlock()
	m.log.InfoContext(ctx, "mail for the development mailbox",
		"to", letter.To, "subject", letter.Subject, "links", letter.Links, "code", letter.Code)
	return nil
}

// List gives the letters, newest first.
func (m *Mailbox) List() []Kept {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(m.letters)
	slices.Reverse(list)
	return list
}

// Empty throws all letters away.
func (m *Mailbox) Empty() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letters = nil
}
