package models

import (
	"context"
	"errors"
	"fmt"
)

// authenticate returns the account of a canonical address, and whether the hash of its password is outdated. It returns
// ErrInvalidCredentials unless the account is active and has this password. An address without an account comes back as an
// empty user. Without an account, or with a hash that can't be verified, refusing the password costs as much as for some
// real account.
func (m *UserManager) authenticate(ctx context.Context, address, password string) (user *User, outdated bool, err error) {
	user, err = takeUser(m.store.DB(ctx), "email = ?", address)
	if errors.Is(err, ErrUserNotFound) {
		user, err = &User{}, nil
	}
	if err != nil {
		return nil, false, err
	}
	checked, isDecoy := *user, !user.HasPassword() || m.rules.Hasher.Decodable(user.Password) != nil
	if isDecoy {
		checked.Password = m.rules.Decoys.For(address)
	}
	outdated, err = m.verifyPassword(ctx, &checked, password)
	if err == nil && (isDecoy || user.mayUse(m.store.Now()) != nil) {
		err = ErrInvalidCredentials
	}
	return user, outdated, err
}

// recordLogin locks the user, stores last_login and cancels a deletion that is not due yet, but only if the account may still be
// opened and has the password that was checked: a login that races a disabling or a change of password fails with
// ErrInvalidCredentials.
func (m *UserManager) recordLogin(tx Tx, user *User, rule Admission) error {
	locked, err := lockUser(tx, user.ID)
	switch {
	case errors.Is(err, ErrUserNotFound), err == nil && locked.Password != user.Password:
		return ErrInvalidCredentials
	case err != nil:
		return err
	case locked.mayOpen(tx.Now, rule) != nil:
		return ErrInvalidCredentials
	}
	user.LastLogin, user.DeletionDueAt = &tx.Now, locked.DeletionDueAt
	return tx.Model(&User{}).Where("id = ?", user.ID).
		Updates(map[string]any{"last_login": tx.Now, "deletion_due_at": nil}).Error
}

// recordCancelledDeletion records that a login has cancelled the deletion of the account, if one was pending.
func recordCancelledDeletion(tx Tx, user *User, from RequestInfo) error {
	if user.DeletionDueAt == nil {
		return nil
	}
	return tx.record(AuditEvent{Kind: EventDeletionCancelled, UserID: user.ID, ActorID: &user.ID}, from)
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
