package models

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"latchkey/passwords"
)

// currentPassword is what somebody types as the password of an account, and where: in a session, or on a device.
type currentPassword struct {
	password string
	session  uuid.UUID // zero outside of one
	device   uuid.UUID // zero if it is not known
	from     RequestInfo
}

// inSession returns what a user types as their password in a session, which is nil if it is not known.
func inSession(session *Session, password string, from RequestInfo) currentPassword {
	typed := currentPassword{password: password, session: session.id(), from: from}
	if session != nil && session.DeviceID != nil {
		typed.device = *session.DeviceID
	}
	return typed
}

// guess returns the guess at the password of a user.
func (p currentPassword) guess(user *User) *guess {
	failure := AuditEvent{Kind: EventPasswordFailed, UserID: user.ID, SessionID: p.session}
	if p.session != uuid.Nil {
		failure.ActorID = &user.ID
	}
	return &guess{account: user.ID, device: p.device, failure: failure, from: p.from}
}

// id returns the id of a session, or zero for none.
func (s *Session) id() uuid.UUID {
	if s == nil {
		return uuid.Nil
	}
	return s.ID
}

// withCurrentPassword calls do if what a user typed is their password; the transaction of do has to claim that first, by
// claimPassword. A wrong password is a *ValidationError of the field current_password. After too many wrong ones no password
// is checked, and the error is an ErrTooManyGuesses: nothing has to be hidden from somebody who is logged in.
func (m *UserManager) withCurrentPassword(
	ctx context.Context, user *User, typed currentPassword, do func(counted *guess) error,
) error {
	counted := typed.guess(user)
	if err := m.store.refuseLocked(ctx, counted); err != nil {
		return err
	}
	_, wrong := m.verifyPassword(passwords.Ahead(ctx), user, typed.password)
	if errors.Is(wrong, ErrInvalidCredentials) {
		wrong = incorrectPassword()
	} else if wrong != nil {
		return wrong
	}
	return m.store.decide(ctx, counted, wrong, func() error { return do(counted) })
}

// claimPassword locks the row of a user whose password was checked, and returns a *ValidationError if that has been changed
// since: what was asked for with the former one is refused, or ended by the change that waits for the row. It accepts the guess
// that the password was.
func (m *UserManager) claimPassword(tx Tx, user *User, counted *guess) error {
	claim := tx.Model(&User{}).Where("id = ? AND password = ?", user.ID, user.Password).Update("password", user.Password)
	if claim.Error != nil {
		return claim.Error
	}
	if claim.RowsAffected != 1 {
		return incorrectPassword()
	}
	return counted.accept(tx)
}

func incorrectPassword() error {
	return &ValidationError{Errors: []FieldError{{
		Field: "current_password", Code: CodeIncorrect, Message: "This is not the current password.",
	}}}
}
