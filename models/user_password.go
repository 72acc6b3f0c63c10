package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// PasswordChange is a user's wish for another password, made from the session that is to stay.
type PasswordChange struct {
	Current     string
	New         string
	KeepSession uuid.UUID
	Client      Client
}

// Authenticate gives back the active user whom email and password belong to. It counts no failures and opens no session,
// as LoginManager.Login does. Every refusal is ErrInvalidCredentials and costs one hash; ErrOverloaded means that the
// password was not looked at.
func (m *UserManager) Authenticate(ctx context.Context, email, password string) (*User, error) {
	user, err := m.forLogin(ctx, email)
	if err != nil {
		return nil, err
	}
	if _, err := m.authenticate(ctx, user, password); err != nil {
		return nil, err
	}
	return user, nil
}

// authenticate answers ErrInvalidCredentials unless password is that of the active user, and else whether its hash is
// outdated.
func (m *UserManager) authenticate(ctx context.Context, user *User, password string) (outdated bool, err error) {
	outdated, err = m.verify(ctx, user, password)
	if err == nil && !user.IsActive {
		return false, ErrInvalidCredentials
	}
	return outdated, err
}

// verify answers ErrInvalidCredentials unless password is the user's, and else whether its hash is outdated.
func (m *UserManager) verify(ctx context.Context, user *User, password string) (outdated bool, err error) {
	result, err := m.hasher.Verify(ctx, password, user.Password)
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

// upgrade stores the user's password, which was verified, under a hash of today's parameters, unless it was changed
// meanwhile. It ends no session: the password stays what it is.
func (m *UserManager) upgrade(ctx context.Context, user *User, password string) error {
	encoded, err := m.hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	return m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		claim := tx.Model(&User{}).Where("id = ? AND password = ?", user.ID, user.Password).Update("password", encoded)
		if claim.Error != nil || claim.RowsAffected == 0 {
			return claim.Error
		}
		return m.markUpgraded(tx, user, encoded)
	})
}

// forLogin finds the account of a typed email. For an email without one it gives back an empty user, whose password
// costs as much to refuse as any other's.
func (m *UserManager) forLogin(ctx context.Context, email string) (*User, error) {
	user, err := m.ByEmail(ctx, email)
	if errors.Is(err, ErrUserNotFound) {
		return &User{}, nil
	}
	return user, err
}

// recordLogin stores last_login and cancels a deletion that is not due yet, but only if the account is still what the
// user's password was checked against: a login that races a disabling or a change of password loses.
func (m *UserManager) recordLogin(ctx context.Context, user *User, now time.Time) error {
	claim := m.db.WithContext(ctx).Model(&User{}).
		Where("id = ? AND is_active AND password = ?", user.ID, user.Password).
		Where("deletion_due_at IS NULL OR deletion_due_at > ?", now).
		Updates(map[string]any{"last_login": now, "deletion_due_at": nil})
	if claim.Error != nil {
		return claim.Error
	}
	if claim.RowsAffected != 1 {
		return ErrInvalidCredentials
	}
	user.LastLogin = &now
	return nil
}

// SetPassword gives the account of email a new password that keeps the policy, and ends all its sessions. Faults come
// back as a *ValidationError; ErrUserNotFound means that there is no such account.
func (m *UserManager) SetPassword(ctx context.Context, email, password string) error {
	user, err := m.ByEmail(ctx, email)
	if err != nil {
		return err
	}
	encoded, err := m.newPassword(ctx, user, "password", password)
	if err != nil {
		return err
	}
	return m.storePassword(ctx, user, encoded, PasswordChange{})
}

// ChangePassword replaces the user's password by one that keeps the policy, and ends all his sessions but keep. A wrong
// current password, or a new one that is refused, comes back as a *ValidationError.
func (m *UserManager) ChangePassword(ctx context.Context, user *User, change PasswordChange) error {
	if err := m.confirm(ctx, user, change.Current); err != nil {
		return err
	}
	encoded, err := m.newPassword(ctx, user, "new_password", change.New)
	if err != nil {
		return err
	}
	return m.storePassword(ctx, user, encoded, change)
}

func incorrectPassword() error {
	return &ValidationError{Errors: []FieldError{{
		Field: "current_password", Code: CodeIncorrect, Message: "This is not the current password.",
	}}}
}

// newPassword judges and encodes a password.
func (m *UserManager) newPassword(ctx context.Context, user *User, field, password string) (string, error) {
	var found faults
	m.judge(&found, field, password, user)
	if err := found.err(); err != nil {
		return "", err
	}
	return m.hasher.Hash(ctx, password)
}

// storePassword replaces the password that was read with the user and ends his sessions but one, together. If somebody
// else was quicker, the current password is another one now.
func (m *UserManager) storePassword(ctx context.Context, user *User, encoded string, change PasswordChange) error {
	return m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
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
		if err := m.audit.record(tx, event, change.Client); err != nil {
			return err
		}
		// What was mailed for the former password, or asked for with it, is worth nothing for this one.
		err := endTokens(tx, moment(m.now), tokenCancelled, "user_id = ? AND purpose IN ?", user.ID,
			[]string{PurposeResetPassword, PurposeChangeEmail})
		if err != nil {
			return err
		}
		_, err = m.endSessions(tx, Ending{EndedByPasswordChange, change.Client},
			"user_id = ? AND id <> ?", user.ID, change.KeepSession)
		return err
	})
}
