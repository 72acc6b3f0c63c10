package models

import (
	"context"
	"time"

	"github.com/google/uuid"

	"latchkey/tokens"
)

// Accepts says whether a refresh token would be accepted now, without presenting it.
func (m *SessionManager) Accepts(ctx context.Context, token string) bool {
	parts, err := m.refresh.Decode(token)
	if err != nil {
		return false
	}
	now := m.store.Now()
	session, err := m.live(m.store.DB(ctx), parts.ID, now)
	return err == nil && session.decide(parts, now, m.rules.Grace) != reuse
}

// Parts are what a refresh token names.
func (m *SessionManager) Parts(token string) (tokens.Handle, error) { return m.refresh.Decode(token) }

// Outcomes of Decide.
const (
	Reuse   = int(reuse)
	Advance = int(advance)
	Ahead   = int(ahead)
	Repeat  = int(repeat)
	Refork  = int(refork)
)

// Decide is decide.
func (s *Session) Decide(token tokens.Handle, now time.Time, grace time.Duration) int {
	return int(s.decide(token, now, grace))
}

// Authenticate returns the active user of an email and a password.
func (m *UserManager) Authenticate(ctx context.Context, email, password string) (*User, error) {
	address, _ := CanonicalEmail(email)
	user, _, err := m.authenticate(ctx, address, password)
	if err != nil {
		return nil, err
	}
	return user, nil
}

// Record is record.
func (tx Tx) Record(event AuditEvent) error { return tx.record(event, RequestInfo{}) }

// Savepoint is savepoint.
func (tx Tx) Savepoint(do func(Tx) error) error { return tx.savepoint(do) }

// Folds is folds.
func Folds(kind string) bool { return folds(kind) }

// Live returns the user's live sessions, as many as a user may have.
func (m *SessionManager) Live(ctx context.Context, user uuid.UUID) ([]Session, error) {
	live, _, err := m.List(ctx, user, SessionPage{Limit: MaxSessions})
	return live, err
}
