package models

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"latchkey/mail"
)

var (
	// ErrOneTimeTokenInvalid means that a text is not a one-time token of ours for this purpose, or that a newer mail or a
	// change of password has ended it.
	ErrOneTimeTokenInvalid = errors.New("the one-time token is not valid")
	// ErrOneTimeTokenExpired means that a one-time token is too old.
	ErrOneTimeTokenExpired = errors.New("the one-time token has expired")
	// ErrOneTimeTokenUsed means that a one-time token has done what it was for.
	ErrOneTimeTokenUsed = errors.New("the one-time token was used before")
	// ErrCodeInvalid means that a code is not one that was mailed to this address, that it is too old, or that too many
	// wrong guesses were made lately.
	ErrCodeInvalid = errors.New("the code is wrong or has expired")
)

// UsedTokenError is an ErrOneTimeTokenUsed that says when the token was used.
type UsedTokenError struct{ At time.Time }

// Error returns the text of ErrOneTimeTokenUsed.
func (e *UsedTokenError) Error() string { return ErrOneTimeTokenUsed.Error() }

// Unwrap returns ErrOneTimeTokenUsed.
func (e *UsedTokenError) Unwrap() error { return ErrOneTimeTokenUsed }

// OneTimeToken is an outstanding token that was sent by mail; presenting it, or its code, proves control of Address. Neither
// is stored.
type OneTimeToken struct {
	ID        uuid.UUID  `gorm:"type:uuid;primaryKey"`
	UserID    uuid.UUID  `gorm:"type:uuid;not null;index"`
	User      *User      `gorm:"constraint:OnDelete:CASCADE"`
	Purpose   mail.Kind  `gorm:"size:20;not null"` // the kind of its mail
	Address   string     `gorm:"size:254;not null;index;index:idx_one_time_tokens_live,where:ended_at IS NULL"`
	Unproven  bool       `gorm:"not null;default:false"` // nobody has shown that an address to go back to was the user's
	Tries     int        `gorm:"not null"`               // always zero; former programs count codes in it
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
	tokenCancelled  = "cancelled"
)

// CodeLifetime is how long the code of a mail can be used (ASVS 5.0, 6.5.5). The link in it lives for longer.
const CodeLifetime = 10 * time.Minute

// maxCodes is how many codes of one address are looked at.
const maxCodes = 5

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

// isDone reports whether the purpose of a token, whose User is loaded, is fulfilled already: its address is verified and belongs
// to the account, or the account has the address again. A password can be set any number of times.
func (t *OneTimeToken) isDone(now time.Time) bool {
	if t == nil || t.User == nil || t.User.mayUse(now) != nil || t.User.Email != t.Address {
		return false
	}
	switch t.Purpose {
	case mail.VerifyEmail, mail.ChangeEmail:
		return t.User.EmailVerifiedAt != nil
	case PurposeUndoChange:
		return t.EndReason == tokenUsed
	default:
		return false
	}
}

// usable returns nil if the token, which has its user, can be redeemed at now, and otherwise why not.
func (t *OneTimeToken) usable(now time.Time) error {
	switch {
	case t.EndReason == tokenUsed && t.EndedAt != nil:
		return &UsedTokenError{At: *t.EndedAt}
	case t.EndedAt != nil, t.User == nil, t.User.mayUse(now) != nil: // without a user, the account was deleted meanwhile
		return ErrOneTimeTokenInvalid
	case t.isOutOf(now):
		return ErrOneTimeTokenExpired
	default:
		return nil
	}
}

// isOutOf reports whether now is outside of the lifetime of the token, which begins when its mail is made.
func (t *OneTimeToken) isOutOf(now time.Time) bool {
	return !now.Before(t.ExpiresAt) || now.Add(lifetimeOf(t.Purpose)+clockDifference).Before(t.ExpiresAt)
}

// codeExpiresAt returns until when the code of a token whose mail has been made can be used.
func (t *OneTimeToken) codeExpiresAt() time.Time {
	return t.ExpiresAt.Add(min(CodeLifetime-lifetimeOf(t.Purpose), 0))
}

// codeWindow returns the range of expiry times of the live tokens of a purpose whose codes can be used at now: their mails have
// been sent, no longer ago than CodeLifetime.
func codeWindow(purpose mail.Kind, now time.Time) (after, until time.Time) {
	lifetime := lifetimeOf(purpose)
	return now.Add(lifetime - min(CodeLifetime, lifetime)), now.Add(lifetime + clockDifference)
}
