package models

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"latchkey/mail"
)

var (
	// ErrOneTimeTokenInvalid means that a text is not a one-time token of ours for this purpose, or that a newer mail, a
	// change of password or too many wrong codes have ended it.
	ErrOneTimeTokenInvalid = errors.New("the one-time token is not valid")
	// ErrOneTimeTokenExpired means that a one-time token is too old.
	ErrOneTimeTokenExpired = errors.New("the one-time token has expired")
	// ErrOneTimeTokenUsed means that a one-time token has done what it was for.
	ErrOneTimeTokenUsed = errors.New("the one-time token was used before")
	// ErrCodeInvalid means that a code is not one that was mailed to this address, or that it can't be used any more.
	ErrCodeInvalid = errors.New("the code is wrong or has expired")
)

// OneTimeToken is an outstanding token that was sent by mail; presenting it, or its code, proves control of Address. Neither
// is stored.
type OneTimeToken struct {
	ID        uuid.UUID  `gorm:"type:uuid;primaryKey"`
	UserID    uuid.UUID  `gorm:"type:uuid;not null;index"`
	User      *User      `gorm:"constraint:OnDelete:CASCADE"`
	Purpose   mail.Kind  `gorm:"size:20;not null"` // the kind of its mail
	Address   string     `gorm:"size:254;not null;index"`
	Unproven  bool       `gorm:"not null;default:false"` // nobody has shown that an address to go back to was the user's
	Tries     int        `gorm:"not null"`               // codes typed
	CreatedAt time.Time  `gorm:"not null"`
	ExpiresAt time.Time  `gorm:"not null;index"`
	EndedAt   *time.Time `gorm:"index"`
	EndReason string     `gorm:"size:20;not null"`
}

// PurposeUndoChange is the purpose of a token that undoes a change of address: it is in the mail that tells of the change.
const PurposeUndoChange = mail.EmailChanged

// Why a one-time token ended.
const (
	tokenUsed       = "used"
	tokenSuperseded = "superseded"
	tokenGuessed    = "guessed"
	tokenCancelled  = "cancelled"
)

// maxCodeTries is how many codes may be typed for one mail.
const maxCodeTries = 5

// lifetimeOf returns how long the token of a purpose can be redeemed.
func lifetimeOf(purpose mail.Kind) time.Duration {
	switch purpose {
	case mail.ResetPassword:
		return time.Hour
	case PurposeUndoChange:
		return 72 * time.Hour
	default:
		return 24 * time.Hour
	}
}

// deliveryTime is how long a mail may take to be sent; only then does the lifetime of its token begin.
const deliveryTime = 80 * time.Hour

// clockDifference is by how much the clocks of replicas may differ. What expires later than its lifetime and this allow was
// made while the clock was ahead, or has not been sent yet.
const clockDifference = time.Minute

// usable returns nil if the token, which has its user, can be redeemed at now, and otherwise why not.
func (t *OneTimeToken) usable(now time.Time) error {
	switch {
	case t.EndReason == tokenUsed:
		return ErrOneTimeTokenUsed
	case t.EndedAt != nil, t.User == nil, t.User.mayUse(now) != nil: // without a user, the account was deleted meanwhile
		return ErrOneTimeTokenInvalid
	case !now.Before(t.ExpiresAt), now.Add(lifetimeOf(t.Purpose) + clockDifference).Before(t.ExpiresAt):
		return ErrOneTimeTokenExpired
	default:
		return nil
	}
}
