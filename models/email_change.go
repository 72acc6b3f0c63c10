package models

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"latchkey/passwords"
)

// EmailChange is a user's wish for another address.
type EmailChange struct {
	NewEmail string
	Password string // his current one
	Client   Client
}

// AskEmailChange queues a mail to the new address; only its answer makes the change. A wrong password, an address that is
// none or that is his already, comes back as a *ValidationError. Whether another account has the address is not told.
func (m *ConfirmationManager) AskEmailChange(ctx context.Context, user *User, change EmailChange) error {
	var found faults
	address := found.email("new_email", change.NewEmail)
	if address == user.Email {
		found.add("new_email", CodeInvalid, "This is your address already.")
	}
	if err := found.err(); err != nil {
		return err
	}
	if err := m.users.confirm(ctx, user, change.Password); err != nil {
		return err
	}
	return m.users.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := m.users.stillHasPassword(tx, user); err != nil {
			return err
		}
		event := AuditEvent{Kind: EventEmailChangeAsked, UserID: user.ID, ActorID: &user.ID}
		if err := m.users.audit.record(tx, event, change.Client); err != nil {
			return err
		}
		return m.ask(tx, OneTimeToken{UserID: user.ID, Purpose: PurposeChangeEmail, Address: address})
	})
}

// changeEmail makes the address of a token the user's, confirmed, and tells the old one how to undo that.
func (m *ConfirmationManager) changeEmail(ctx context.Context, token *OneTimeToken, client Client) error {
	old := token.User.Email
	return m.redeem(ctx, token, func(tx *gorm.DB) error {
		if err := m.setEmail(tx, token, old); err != nil {
			return err
		}
		if err := m.end(tx, tokenCancelled, "user_id = ? AND purpose <> ?", token.UserID, PurposeUndoChange); err != nil {
			return err
		}
		event := AuditEvent{Kind: EventEmailChanged, UserID: token.UserID, ActorID: &token.UserID}
		if err := m.users.audit.record(tx, event, client); err != nil {
			return err
		}
		return m.ask(tx, OneTimeToken{
			UserID: token.UserID, Purpose: PurposeUndoChange, Address: old, Unproven: token.User.EmailVerifiedAt == nil,
		})
	})
}

// setEmail replaces the address that the user has, if it is still old, by the token's.
func (m *ConfirmationManager) setEmail(tx *gorm.DB, token *OneTimeToken, old string) error {
	changed := tx.Transaction(func(tx *gorm.DB) error { // a savepoint, because PostgreSQL does not go on after a failed update
		if err := m.users.refuseReserved(tx, token.Address, token.UserID); err != nil {
			return err
		}
		claim := tx.Model(&User{}).Where("id = ? AND email = ?", token.UserID, old).
			Updates(map[string]any{"email": token.Address, "email_verified_at": moment(m.users.now)})
		if claim.Error == nil && claim.RowsAffected != 1 {
			return ErrOneTimeTokenInvalid
		}
		return claim.Error
	})
	if errors.Is(changed, gorm.ErrDuplicatedKey) {
		return taken()
	}
	return changed
}

// refuseReserved answers ErrDuplicatedKey for an address whose account can still be given back to it: nobody takes it
// meanwhile to keep that from happening. An address that nobody had confirmed is free for whom it belongs to.
func (m *UserManager) refuseReserved(tx *gorm.DB, address string, user uuid.UUID) error {
	var reserved int64
	err := tx.Model(&OneTimeToken{}).Where("address = ? AND purpose = ? AND user_id <> ?", address, PurposeUndoChange, user).
		Where("NOT unproven AND ended_at IS NULL AND expires_at > ?", moment(m.now)).Limit(1).Count(&reserved).Error
	if err == nil && reserved > 0 {
		return gorm.ErrDuplicatedKey
	}
	return err
}

// UndoEmailChange gives an account its old address back, by the token of the mail that told the old address of the change.
// Whoever made the change knew the password: it opens nothing any more, every session ends, and a mail lets the owner
// choose another. Errors are those of ConfirmEmail.
func (m *ConfirmationManager) UndoEmailChange(ctx context.Context, token string, client Client) error {
	found, err := m.find(ctx, Proof{Token: token}, PurposeUndoChange)
	if err != nil {
		return err
	}
	return m.redeem(ctx, found, func(tx *gorm.DB) error {
		if err := m.setEmail(tx, found, found.User.Email); err != nil {
			return err
		}
		// What has happened since the change may be the thief's: later changes, and the wish to delete the account.
		if err := m.end(tx, tokenCancelled, "user_id = ? AND id > ?", found.UserID, found.ID); err != nil {
			return err
		}
		disarm := tx.Model(&User{}).Where("id = ?", found.UserID).
			Updates(map[string]any{"password": passwords.Unusable(), "deletion_due_at": nil})
		if disarm.Error != nil {
			return disarm.Error
		}
		event := AuditEvent{Kind: EventEmailChanged, UserID: found.UserID, ActorID: &found.UserID, Detail: DetailUndone}
		if err := m.users.audit.record(tx, event, client); err != nil {
			return err
		}
		if err := m.startOver(tx, found.UserID, DetailUndone, client); err != nil {
			return err
		}
		return m.ask(tx, OneTimeToken{UserID: found.UserID, Purpose: PurposeResetPassword, Address: found.Address})
	})
}
