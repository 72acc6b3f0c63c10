package models

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

var (
	// ErrOneTimeTokenInvalid means that a text is not a one-time token of ours for this purpose, or that a newer mail, a
	// change of password or too many wrong codes have ended it.
	ErrOneTimeTokenInvalid = errors.New("the one-time token is not valid")
	// ErrOneTimeTokenExpired means that a one-time token is too old.
	ErrOneTimeTokenExpired = errors.New("the one-time token has expired")
	// ErrOneTimeTokenUsed means that a one-time token has done what it was for.
	ErrOneTimeTokenUsed = errors.New("the one-time token was used before")
	// ErrCodeInvalid means that an email and a code from a mail don't go together, whatever the reason.
	ErrCodeInvalid = errors.New("no mail to this address had this code, or it is not good any more")
)

// OneTimeToken is a mail that waits for an answer: who can present its token, or type its code, reads the mail of Address.
// Neither is stored.
type OneTimeToken struct {
	ID        uuid.UUID  `gorm:"type:uuid;primaryKey"`
	UserID    uuid.UUID  `gorm:"type:uuid;not null;index"`
	User      *User      `gorm:"constraint:OnDelete:CASCADE"`
	Purpose   string     `gorm:"size:20;not null"`
	Address   string     `gorm:"size:254;not null;index"`
	Unproven  bool       `gorm:"not null;default:false"` // nobody has shown that an address to go back to was the user's
	Tries     int        `gorm:"not null"`               // codes typed
	CreatedAt time.Time  `gorm:"not null"`
	ExpiresAt time.Time  `gorm:"not null;index"`
	EndedAt   *time.Time `gorm:"index"`
	EndReason string     `gorm:"size:20;not null"`
}

// What a one-time token is for, which is also the name of its mail.
const (
	PurposeVerifyEmail   = "verify_email"
	PurposeResetPassword = "reset_password"
	PurposeChangeEmail   = "change_email"
	PurposeUndoChange    = "email_changed"
)

// Why a one-time token ended.
const (
	tokenUsed       = "used"
	tokenSuperseded = "superseded"
	tokenGuessed    = "guessed"
	tokenCancelled  = "cancelled"
)

// maxCodeTries is how many codes may be typed for one mail.
const maxCodeTries = 5

// lifetimeOf is how long a mail of this purpose can be answered.
func lifetimeOf(purpose string) time.Duration {
	switch purpose {
	case PurposeResetPassword:
		return time.Hour
	case PurposeUndoChange:
		return 72 * time.Hour
	default:
		return 24 * time.Hour
	}
}

// deliveryTime is how long a mail may be on its way; only then its lifetime begins.
const deliveryTime = 80 * time.Hour

// usable tells whether the token, which has its user, can be redeemed at now, and else why not.
func (t *OneTimeToken) usable(now time.Time) error {
	switch {
	case t.EndReason == tokenUsed:
		return ErrOneTimeTokenUsed
	case t.EndedAt != nil, !t.User.IsActive:
		return ErrOneTimeTokenInvalid
	case !now.Before(t.ExpiresAt):
		return ErrOneTimeTokenExpired
	default:
		return nil
	}
}
