package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"latchkey/mail"
)

// EmailChange is a user's request to change their address, made in a session. Password is their current one.
type EmailChange struct {
	NewEmail string
	Password string
	Session  *Session
	From     RequestInfo
}

// ErrOwnerUnknown means that a new address was confirmed by somebody who did not show that the account is theirs.
var ErrOwnerUnknown = errors.New("the client did not show that the account is theirs")

// Owner is the evidence that the account of a new address belongs to whoever confirms it: the id of the user whose session it is
// confirmed in, or the current password.
type Owner struct {
	UserID   uuid.UUID
	Password string
}

// RequestEmailChange queues a mail to the new address; only its proof makes the change. A wrong password, or an address that
// is invalid, undeliverable or the user's already, is a *ValidationError; after too many wrong ones the error is an
// ErrTooManyGuesses. Whether another account has the address is not revealed.
func (m *VerificationManager) RequestEmailChange(ctx context.Context, user *User, change EmailChange) error {
	var invalid fieldErrors
	address := invalid.email("new_email", change.NewEmail)
	if address == user.Email {
		invalid.add("new_email", CodeInvalid, "This is your address already.")
	}
	if err := invalid.err(); err != nil {
		return err
	}
	typed := inSession(change.Session, change.Password, change.From)
	return m.users.withCurrentPassword(ctx, user, typed, func(counted *guess) error {
		if err := m.oneTimeTokens.checkDeliverable(ctx, "new_email", address); err != nil {
			return err
		}
		return m.store.Transaction(ctx, func(tx Tx) error {
			if err := m.users.claimPassword(tx, user, counted); err != nil {
				return err
			}
			event := AuditEvent{Kind: EventEmailChangeAsked, UserID: user.ID, ActorID: &user.ID}
			if err := tx.record(event, change.From); err != nil {
				return err
			}
			return m.oneTimeTokens.issue(tx, OneTimeToken{UserID: user.ID, Purpose: mail.ChangeEmail, Address: address})
		})
	})
}

// requireOwner returns a *ValidationError of the field current_password unless a new address is confirmed by the user, or by
// somebody who knows their password. Without a session or a password the error is an ErrOwnerUnknown, too. Reading the mail of
// an address is not enough to join it to an account: the account may be a stranger's, who waits for the reader to use it and then
// takes the change back.
func (m *VerificationManager) requireOwner(ctx context.Context, user *User, owner uuid.UUID, typed currentPassword) error {
	switch {
	case owner == user.ID:
		return nil
	case typed.password == "":
		return fmt.Errorf("%w: %w", ErrOwnerUnknown, &ValidationError{Errors: []FieldError{{
			Field: "current_password", Code: CodeRequired,
			Message: "Send the current password of the account that is to have this address, or an access token of it.",
		}}})
	default:
		return m.users.withCurrentPassword(ctx, user, typed, func(counted *guess) error {
			return m.store.Transaction(ctx, func(tx Tx) error { return m.users.claimPassword(tx, user, counted) })
		})
	}
}

// AccountToChange returns the masked address of the account to which the new address that a mail's token confirms is to belong.
// It is empty for any other text, and for a token that can't be redeemed any more.
func (m *VerificationManager) AccountToChange(ctx context.Context, encoded string) (string, error) {
	token, err := m.oneTimeTokens.find(ctx, encoded, mail.ChangeEmail)
	switch {
	case errors.Is(err, ErrOneTimeTokenInvalid), errors.Is(err, ErrOneTimeTokenExpired), errors.Is(err, ErrOneTimeTokenUsed):
		return "", nil
	case err != nil:
		return "", err
	}
	return maskEmail(token.User.Email), nil
}

// changeEmail gives the user the address of a token, verified, and tells the old one how to undo that.
func (m *VerificationManager) changeEmail(tx Tx, token *OneTimeToken, from RequestInfo) error {
	old := token.User.Email
	if err := m.setEmail(tx, token); err != nil {
		return err
	}
	if err := m.oneTimeTokens.end(tx, tokenCancelled, "user_id = ? AND purpose <> ?", token.UserID, PurposeUndoChange); err != nil {
		return err
	}
	event := AuditEvent{Kind: EventEmailChanged, UserID: token.UserID, ActorID: &token.UserID}
	if err := tx.record(event, from); err != nil {
		return err
	}
	return m.oneTimeTokens.issue(tx, OneTimeToken{
		UserID: token.UserID, Purpose: PurposeUndoChange, Address: old, Unproven: token.User.EmailVerifiedAt == nil,
	})
}

// setEmail gives the user the address of a token, unless their own has changed since the token was read.
func (m *VerificationManager) setEmail(tx Tx, token *OneTimeToken) error {
	changed, err := m.users.setEmail(tx, token.UserID, token.User.Email, token.Address)
	if err == nil && !changed {
		return ErrOneTimeTokenInvalid
	}
	return err
}

// UndoEmailChange gives an account its old address back, by the token of the mail that told the old address of the change.
// Whoever made the change knew the password: it is made useless, every session ends, and a mail lets the owner choose another.
// It returns nil too if that was done before and the account still has its address. Errors are those of VerifyEmail.
func (m *VerificationManager) UndoEmailChange(ctx context.Context, token string, from RequestInfo) error {
	found, err := m.oneTimeTokens.find(ctx, token, PurposeUndoChange)
	if found.isDone(m.store.Now()) {
		return nil
	}
	if err != nil {
		return err
	}
	err = m.oneTimeTokens.redeem(ctx, found, nil, func(tx Tx) error {
		if err := m.setEmail(tx, found); err != nil {
			return err
		}
		// What has happened since the change may be the thief's: later changes, and the request to delete the account.
		if err := m.oneTimeTokens.end(tx, tokenCancelled, "user_id = ? AND id > ?", found.UserID, found.ID); err != nil {
			return err
		}
		if err := m.users.disarm(tx, found.UserID); err != nil {
			return err
		}
		event := AuditEvent{Kind: EventEmailChanged, UserID: found.UserID, ActorID: &found.UserID, Detail: DetailUndone}
		if err := tx.record(event, from); err != nil {
			return err
		}
		if err := m.endEverything(tx, found.UserID, DetailUndone, from); err != nil {
			return err
		}
		return m.oneTimeTokens.issue(tx, OneTimeToken{
			UserID: found.UserID, Purpose: mail.ResetPassword, Address: found.Address,
		})
	})
	return m.oneTimeTokens.forgiveRace(ctx, found, err)
}
