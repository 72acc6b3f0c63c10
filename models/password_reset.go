package models

import (
	"context"

	"github.com/google/uuid"

	"latchkey/mail"
	"latchkey/tokens"
)

// ForgotPassword queues a mail by which the owner of an address can choose another password. It reveals to nobody whether
// there is an account: the work is the same for any address.
func (m *VerificationManager) ForgotPassword(ctx context.Context, email string) error {
	return m.sendTo(ctx, mail.ResetPassword, email)
}

// ResetPassword gives the account of a proof a new password that keeps the policy, which also verifies its address, and
// ends all its sessions and pending tokens, except those that undo a change of address. It returns the token of the device that
// the proof came from, which the account knows from then on, so that nobody who guesses stands in the way of the next login.
// Errors are those of VerifyEmail; a password that is refused leaves the token as it was.
func (m *VerificationManager) ResetPassword(
	ctx context.Context, proof EmailProof, password string, from RequestInfo,
) (deviceToken string, err error) {
	err = m.prove(ctx, proof, from, func(token *OneTimeToken, counted *guess) error {
		encoded, err := m.users.hashNewPassword(ctx, token.User, "new_password", password)
		if err != nil {
			return err
		}
		return m.oneTimeTokens.redeem(ctx, token, counted, func(tx Tx) error {
			device, err := m.deviceFrom(tx, token.UserID, proof.DeviceToken)
			if err != nil {
				return err
			}
			if err := m.reset(tx, token, encoded, from); err != nil {
				return err
			}
			deviceToken = m.devices.Encode(tokens.Handle{ID: device, Counters: addressHash(token.Address)})
			return addDevice(tx, token.UserID, device)
		})
	}, mail.ResetPassword)
	return deviceToken, err
}

// deviceFrom returns the device of a token if the account knows it, and else a new one.
func (m *VerificationManager) deviceFrom(tx Tx, account uuid.UUID, deviceToken string) (uuid.UUID, error) {
	device := readDeviceToken(m.devices, deviceToken, "").id
	var known int64
	if err := devicesOf(tx, account).Where("device_id = ?", device).Count(&known).Error; err != nil {
		return uuid.Nil, err
	}
	if known > 0 {
		return device, nil
	}
	return newDeviceID()
}

// reset stores the new password of the account of a token, and what follows from it.
func (m *VerificationManager) reset(tx Tx, token *OneTimeToken, encoded string, from RequestInfo) error {
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
}
