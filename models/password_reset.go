package models

import (
	"context"

	"gorm.io/gorm"
)

// ForgotPassword queues a mail by which the owner of an address can choose another password. It tells nobody whether
// there is an account: the work is the same for any address.
func (m *ConfirmationManager) ForgotPassword(ctx context.Context, email string) error {
	return m.postTo(ctx, PurposeResetPassword, email)
}

// ResetPassword gives the account of a proof a new password that keeps the policy, which also confirms its address, and
// ends all its sessions and pending tokens, but for those that undo a change of address. Errors are those of ConfirmEmail; a
// password that is refused leaves the token as it was.
func (m *ConfirmationManager) ResetPassword(ctx context.Context, proof Proof, password string, client Client) error {
	token, err := m.find(ctx, proof, PurposeResetPassword)
	if err != nil {
		return err
	}
	encoded, err := m.users.newPassword(ctx, token.User, "new_password", password)
	if err != nil {
		return err
	}
	return m.redeem(ctx, token, func(tx *gorm.DB) error {
		claim := tx.Model(&User{}).Where("id = ? AND email = ? AND is_active", token.UserID, token.Address).
			Update("password", encoded)
		if claim.Error != nil {
			return claim.Error
		}
		if claim.RowsAffected != 1 {
			return ErrOneTimeTokenInvalid // the address is another one by now, or the account disabled
		}
		if err := m.verify(tx, token, client); err != nil {
			return err
		}
		return m.startOver(tx, token.UserID, DetailReset, client)
	})
}
