package models

import (
	"context"
	"time"

	"gorm.io/gorm"

	"latchkey/tokens"
)

// Accepts says whether a refresh token would be accepted now, without presenting it.
func (m *SessionManager) Accepts(ctx context.Context, token string) bool {
	parts, err := m.refresh.Decode(token)
	if err != nil {
		return false
	}
	now := moment(m.now)
	session, err := m.live(ctx, parts.ID, now)
	return err == nil && session.decide(parts, now, m.rules.Grace) != reuse
}

// Parts are what a refresh token names.
func (m *SessionManager) Parts(token string) (tokens.Parts, error) { return m.refresh.Decode(token) }

// Outcomes of Decide.
const (
	Reuse   = int(reuse)
	Advance = int(advance)
	Repeat  = int(repeat)
	Refork  = int(refork)
)

// Decide is decide.
func (s *Session) Decide(token tokens.Parts, now time.Time, grace time.Duration) int {
	return int(s.decide(token, now, grace))
}

// Open begins a session of a user who has just been created or authenticated, and stores his last_login. It answers
// ErrInvalidCredentials if the account was disabled, or its password changed, since the user was read.
func (m *SessionManager) Open(ctx context.Context, user *User, client Client) (grant *Grant, err error) {
	err = m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		grant, err = m.open(tx, user, client, nil)
		return err
	})
	return grant, err
}
