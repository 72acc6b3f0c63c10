package models

import (
	"context"

	"latchkey/mail"
)

// ForgotPassword queues a mail by which the owner of an address can choose another password. It reveals to nobody whether
// there is an account: the work is the same for any address.
func (m *VerificationManager) ForgotPassword(ctx context.Context, email string) error {
	return m.sendTo(ctx, mail.ResetPassword, email)
}

// ResetPassword gives the account of a proof a new password that keeps the policy, which also verifies its address, and
// ends all its sessions and pending tokens, except those that undo a change of address. Errors are those of VerifyEmail; a
// password that is refused leaves the token as it was.
func (m *VerificationManager) ResetPassword(ctx context.Context, proof EmailProof, password string, from RequestInfo) error {
	token, err := m.oneTimeTokens.find(ctx, proof, mail.ResetPassword)
	if err != nil {
		return err
	}
	encoded, err := m.users.hashNewPassword(ctx, token.User, "new_password", password)
	if err != nil {
		return err
	}
	return m.oneTimeTokens.redeem(ctx, token, func(tx Tx) error {
		found, err := m.users.resetPassword(tx, token.UserID, token.Address, encoded)
		if err != nil {
			return err
		}
		if !found {
			return ErrOneTimeTokenInvalid // the address is another one by now
		}
		if err := m.markVerified(tx, token, from); err != nil {
			return err
		}
		return m.endEverything(tx, token.UserID, DetailReset, from)
	})
}
