package models

import (
	"time"

	"github.com/google/uuid"

	"latchkey/tokens"
)

// Session is one login of one user on one device. Its refresh tokens are not stored: four columns say what each of them is
// worth (see decide, and docs/sessions.md).
type Session struct {
	ID         uuid.UUID  `gorm:"type:uuid;primaryKey"`
	UserID     uuid.UUID  `gorm:"type:uuid;not null;index"`
	User       *User      `gorm:"constraint:OnDelete:CASCADE"`
	ClientName string     `gorm:"size:100;not null"`
	UserAgent  string     `gorm:"size:400;not null"`
	IP         string     `gorm:"size:45;not null"`
	DeviceID   *uuid.UUID `gorm:"type:uuid"` // what its device token names
	AuthMethod string     `gorm:"size:32;not null"`
	CreatedAt  time.Time  `gorm:"not null"`
	LastUsedAt time.Time  `gorm:"not null;index"`
	ExpiresAt  time.Time  `gorm:"not null;index"`

	Generation   uint32 `gorm:"not null"` // the highest redeemed
	RedeemedFork uint32 `gorm:"not null"` // of the token it was redeemed with
	Fork         uint32 `gorm:"not null"` // of the one outstanding token, whose generation is Generation+1
	RedeemedAt   *time.Time

	EndedAt   *time.Time `gorm:"index"`
	EndReason string     `gorm:"size:20;not null"`
}

// Why a session ended.
const (
	EndedByLogout         = "logout"
	EndedByUser           = "revoked"
	EndedByReuse          = "reuse"
	EndedByPasswordChange = "password_change"
	EndedByOperator       = "operator"
	EndedByDeletion       = "account_deletion"
	EndedByLimit          = "limit"
)

// MaxSessions is how many live sessions a user has at most. One more ends the one that was used longest ago.
const MaxSessions = 100

// Ending is why a session ends and where the request for it comes from.
type Ending struct {
	Reason string
	From   RequestInfo
}

// AuthenticatedByPassword is the AuthMethod of a session that was opened with a password or by signing up.
const AuthenticatedByPassword = "password"

// step is what presenting a refresh token does to its session.
type step int

const (
	reuse   step = iota // a token that nobody should hold any more
	advance             // the outstanding token
	ahead               // one that was issued, but not by the row as it is
	repeat              // the one just redeemed, again, within the grace
	refork              // the one just redeemed, again, after the grace
)

// decide returns what presenting a refresh token does now. The outstanding token advances the session by a generation. The one
// redeemed last is its client's retry: within the grace period it gets the same child again, and later another one, which
// makes the first worthless, because a client that comes back with the parent can't have received it. One that is ahead of
// the row proves that the database went back, and is as good as the outstanding one. Anything else was copied.
func (s *Session) decide(token tokens.Handle, now time.Time, grace time.Duration) step {
	generation, fork := token.Counters[0], token.Counters[1]
	switch {
	case generation == s.Generation+1 && fork == s.Fork:
		return advance
	case s.isBehind(generation, fork):
		return ahead
	case generation != s.Generation || fork != s.RedeemedFork || s.RedeemedAt == nil:
		return reuse
	case now.After(s.RedeemedAt.Add(grace)):
		return refork
	default:
		return repeat
	}
}

// isBehind reports whether a token of this generation and fork can only have been issued by a later state of the session.
func (s *Session) isBehind(generation, fork uint32) bool {
	return generation > s.Generation && (generation-s.Generation > 1 || fork > s.Fork)
}

// after returns the session as it is once a token was presented.
func (s Session) after(step step, token tokens.Handle, now time.Time) Session {
	s.LastUsedAt = now
	switch step {
	case advance, ahead:
		s.Generation, s.RedeemedFork, s.Fork, s.RedeemedAt = token.Counters[0], token.Counters[1], 0, &now
	case refork:
		s.Fork, s.RedeemedAt = s.Fork+1, &now
	case repeat, reuse:
	}
	return s
}

// child returns the handle of the one outstanding token.
func (s *Session) child() tokens.Handle {
	return tokens.Handle{ID: s.ID, Counters: [2]uint32{s.Generation + 1, s.Fork}}
}

// endsAt returns when the session expires if it is not used again.
func (s *Session) endsAt(idle time.Duration) time.Time {
	if unused := s.LastUsedAt.Add(idle); unused.Before(s.ExpiresAt) {
		return unused
	}
	return s.ExpiresAt
}
