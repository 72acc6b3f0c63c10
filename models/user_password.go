package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"latchkey/mail"
	"latchkey/passwords"
)

// PasswordChange is a user's request to change their password, made from the session that is to stay.
type PasswordChange struct {
	Current     string
	New         string
	KeepSession uuid.UUID
	Client      Client
}

// authenticate returns the account of a canonical address, and whether the hash of its password is outdated. It returns
// ErrInvalidCredentials unless the account is active and has this password. An address without an account comes back as an
// empty user, whose password costs as much to refuse as any other's.
func (m *UserManager) authenticate(ctx context.Context, address, password string) (user *User, outdated bool, err error) {
	user, err = takeUser(m.store.DB(ctx), "email = ?", address)
	if errors.Is(err, ErrUserNotFound) {
		user, err = &User{}, nil
	}
	if err != nil {
		return nil, false, err
	}
	outdated, err = m.verifyPassword(ctx, user, password)
	if err == nil && !user.IsActive {
		err = ErrInvalidCredentials
	}
	return user, outdated, err
}

// verifyPassword returns ErrInvalidCredentials unless password is the user's, and else whether its hash is outdated.
func (m *UserManager) verifyPassword(ctx context.Context, user *User, password string) (outdated bool, err error) {
	result, err := m.rules.Hasher.Verify(ctx, password, user.Password)
	switch {
	case errors.Is(err, ErrOverloaded), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false, err
	case err != nil: // the stored hash can't be read, or the password is one that nothing could match
		return false, fmt.Errorf("%w: user %s: %w", ErrInvalidCredentials, user.ID, err)
	case !result.Match:
		return false, ErrInvalidCredentials
	}
	return result.Outdated, nil
}

// verifyCurrentPassword returns a *ValidationError of the field current_password unless password is the user's.
func (m *UserManager) verifyCurrentPassword(ctx context.Context, user *User, password string) error {
	_, err := m.verifyPassword(ctx, user, password)
	if errors.Is(err, ErrInvalidCredentials) {
		return incorrectPassword()
	}
	return err
}

// upgradePassword stores the user's password, which was verified, under a hash of today's parameters, unless it was changed
// meanwhile. It ends no session: the password stays what it is.
func (m *UserManager) upgradePassword(ctx context.Context, user *User, password string) error {
	encoded, err := m.rules.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	return m.store.Transaction(ctx, func(tx Tx) error {
		claim := tx.Model(&User{}).Where("id = ? AND password = ?", user.ID, user.Password).Update("password", encoded)
		if claim.Error != nil || claim.RowsAffected == 0 {
			return claim.Error
		}
		return markUpgraded(tx, m.rules.ImportKeys, user, encoded)
	})
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
	return m.replacePassword(ctx, user, encoded, PasswordChange{})
}

// ChangePassword replaces the user's password by one that keeps the policy, and ends all their sessions but KeepSession. A
// wrong current password, or a new one that is refused, is a *ValidationError.
func (m *UserManager) ChangePassword(ctx context.Context, user *User, change PasswordChange) error {
	if err := m.verifyCurrentPassword(ctx, user, change.Current); err != nil {
		return err
	}
	encoded, err := m.hashNewPassword(ctx, user, "new_password", change.New)
	if err != nil {
		return err
	}
	return m.replacePassword(ctx, user, encoded, change)
}

func incorrectPassword() error {
	return &ValidationError{Errors: []FieldError{{
		Field: "current_password", Code: CodeIncorrect, Message: "This is not the current password.",
	}}}
}

// validatePassword holds password against the policy, which knows the user's own words.
func (m *UserManager) validatePassword(invalid *fieldErrors, field, password string, user *User) {
	if password == "" {
		invalid.add(field, CodeRequired, "This field is required.")
		return
	}
	for _, fault := range m.rules.Policy.Check(password, user.Email, user.FirstName, user.LastName) {
		invalid.add(field, fault.Code, fault.Message)
	}
}

// hashNewPassword validates a password and returns its encoded hash.
func (m *UserManager) hashNewPassword(ctx context.Context, user *User, field, password string) (string, error) {
	var invalid fieldErrors
	m.validatePassword(&invalid, field, password, user)
	if err := invalid.err(); err != nil {
		return "", err
	}
	return m.rules.Hasher.Hash(ctx, password)
}

// replacePassword replaces the password that was read with the user and ends their sessions but one, together. If another
// request was quicker, the current password is another one now.
func (m *UserManager) replacePassword(ctx context.Context, user *User, encoded string, change PasswordChange) error {
	return m.store.Transaction(ctx, func(tx Tx) error {
		claim := tx.Model(&User{}).Where("id = ? AND password = ?", user.ID, user.Password).Update("password", encoded)
		if claim.Error != nil {
			return claim.Error
		}
		if claim.RowsAffected != 1 {
			return incorrectPassword()
		}
		event := AuditEvent{Kind: EventPasswordChanged, UserID: user.ID, SessionID: change.KeepSession}
		if change.KeepSession != uuid.Nil {
			event.ActorID = &user.ID
		}
		if err := tx.record(event, change.Client); err != nil {
			return err
		}
		// What was mailed for the former password, or asked for with it, is worth nothing for this one.
		err := m.oneTimeTokens.end(tx, tokenCancelled, "user_id = ? AND purpose IN ?", user.ID,
			[]mail.Kind{mail.ResetPassword, mail.ChangeEmail})
		if err != nil {
			return err
		}
		_, err = m.sessions.end(tx, Ending{EndedByPasswordChange, change.Client},
			"user_id = ? AND id <> ?", user.ID, change.KeepSession)
		return err
	})
}

// claimPassword locks the row of a user whose password was checked, and returns a *ValidationError if that has been changed
// since: what was asked for with the former one is refused, or ended by the change that waits for the row.
func (m *UserManager) claimPassword(tx Tx, user *User) error {
	claim := tx.Model(&User{}).Where("id = ? AND password = ?", user.ID, user.Password).Update("password", user.Password)
	if claim.Error == nil && claim.RowsAffected != 1 {
		return incorrectPassword()
	}
	return claim.Error
}

// resetPassword stores the encoded password of an active account that still has this address, and reports whether there
// is one.
func (m *UserManager) resetPassword(tx Tx, id uuid.UUID, address, encoded string) (bool, error) {
	claim := tx.Model(&User{}).Where("id = ? AND email = ? AND is_active", id, address).Update("password", encoded)
	return claim.RowsAffected == 1, claim.Error
}

// disarm makes the password of an account useless and cancels its deletion.
func (m *UserManager) disarm(tx Tx, id uuid.UUID) error {
	return tx.Model(&User{}).Where("id = ?", id).
		Updates(map[string]any{"password": passwords.Unusable(), "deletion_due_at": nil}).Error
}
