package models

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"latchkey/mail"
	"latchkey/passwords"
)

// PasswordChange is a user's request to change their password, made from the session that is to stay.
type PasswordChange struct {
	Current string
	New     string
	Session *Session
	From    RequestInfo
}

// SetPassword gives the account of email a new password that keeps the policy, and ends all its sessions. Errors are a
// *ValidationError and ErrUserNotFound.
func (m *UserManager) SetPassword(ctx context.Context, email, password string) error {
	user, err := m.ByEmail(ctx, email)
	if err != nil {
		return err
	}
	encoded, err := m.hashNewPassword(ctx, user, "password", password)
	if err != nil {
		return err
	}
	return m.store.Transaction(ctx, func(tx Tx) error {
		if err := m.claimPassword(tx, user, nil); err != nil {
			return err
		}
		return m.replacePassword(tx, user, encoded, PasswordChange{})
	})
}

// ChangePassword replaces the user's password by one that keeps the policy, and ends all their sessions but the one that asks. A
// wrong current password, or a new one that is refused, is a *ValidationError; after too many wrong ones the error is an
// ErrTooManyGuesses.
func (m *UserManager) ChangePassword(ctx context.Context, user *User, change PasswordChange) error {
	typed := inSession(change.Session, change.Current, change.From)
	return m.withCurrentPassword(ctx, user, typed, func(counted *guess) error {
		encoded, err := m.hashNewPassword(ctx, user, "new_password", change.New)
		if err != nil {
			return err
		}
		return m.store.Transaction(ctx, func(tx Tx) error {
			if err := m.claimPassword(tx, user, counted); err != nil {
				return err
			}
			return m.replacePassword(tx, user, encoded, change)
		})
	})
}

// hashNewPassword validates a password, which must not be the user's current one, and returns its encoded hash.
func (m *UserManager) hashNewPassword(ctx context.Context, user *User, field, password string) (string, error) {
	var invalid fieldErrors
	if err := m.validatePassword(ctx, &invalid, field, password, user); err != nil {
		return "", err
	}
	if err := invalid.err(); err != nil {
		return "", err
	}
	_, err := m.verifyPassword(ctx, user, password)
	switch {
	case err == nil:
		unchanged := passwords.UnchangedViolation()
		invalid.add(field, unchanged.Code, unchanged.Message)
		return "", invalid.err()
	case !errors.Is(err, ErrInvalidCredentials):
		return "", err
	}
	return m.rules.Hasher.Hash(ctx, password)
}

// replacePassword replaces the password of a user, which was claimed, and ends their sessions but one.
func (m *UserManager) replacePassword(tx Tx, user *User, encoded string, change PasswordChange) error {
	if err := tx.Model(&User{}).Where("id = ?", user.ID).Update("password", encoded).Error; err != nil {
		return err
	}
	keep := change.Session.id()
	event := AuditEvent{Kind: EventPasswordChanged, UserID: user.ID, SessionID: keep}
	if keep != uuid.Nil {
		event.ActorID = &user.ID
	}
	if err := tx.record(event, change.From); err != nil {
		return err
	}
	// What was mailed for the former password, or asked for with it, is worth nothing for this one.
	err := m.oneTimeTokens.end(tx, tokenCancelled, "user_id = ? AND purpose IN ?", user.ID,
		[]mail.Kind{mail.ResetPassword, mail.ChangeEmail})
	if err != nil {
		return err
	}
	_, err = m.sessions.endAllBut(tx, keep, Ending{EndedByPasswordChange, change.From}, user.ID)
	return err
}

// resetPassword stores the encoded password of an account that still has this address, and reports whether there is one.
func (m *UserManager) resetPassword(tx Tx, id uuid.UUID, address, encoded string) (bool, error) {
	claim := tx.Model(&User{}).Where("id = ? AND email = ?", id, address).Update("password", encoded)
	return claim.RowsAffected == 1, claim.Error
}

// disarm makes the password of an account useless and cancels its deletion.
func (m *UserManager) disarm(tx Tx, id uuid.UUID) error {
	return tx.Model(&User{}).Where("id = ?", id).
		Updates(map[string]any{"password": passwords.Unusable(), "deletion_due_at": nil}).Error
}
