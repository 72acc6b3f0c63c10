package models

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// ErrEmailUnverified means that the password was right, and the account's address has to be confirmed before a login.
var ErrEmailUnverified = errors.New("the account's email address has not been confirmed")

// SendVerification queues another mail that asks to confirm an address. It tells nobody whether there is something to
// confirm: the work is the same for any address, and the mail is dropped when it would be sent.
func (m *ConfirmationManager) SendVerification(ctx context.Context, email string) error {
	return m.postTo(ctx, PurposeVerifyEmail, email)
}

// postTo queues a mail to the account of a typed address, or to nobody.
func (m *ConfirmationManager) postTo(ctx context.Context, message, email string) error {
	user, err := m.users.forLogin(ctx, email)
	if err != nil {
		return err
	}
	about, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return m.users.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return m.post(tx, message, user.ID, about)
	})
}

// ConfirmEmail confirms the address of an account, or makes the address confirmed that the account is to change to.
// Errors are ErrOneTimeTokenInvalid, -Expired and -Used, ErrCodeInvalid, and a *ValidationError if another account has the
// new address by now.
func (m *ConfirmationManager) ConfirmEmail(ctx context.Context, proof Proof, client Client) error {
	token, err := m.find(ctx, proof, PurposeVerifyEmail, PurposeChangeEmail)
	if err != nil {
		return err
	}
	if token.Purpose == PurposeChangeEmail {
		return m.changeEmail(ctx, token, client)
	}
	return m.redeem(ctx, token, func(tx *gorm.DB) error {
		return m.verify(tx, token, client)
	})
}

// verify marks the address of a token as confirmed. An owner who signed up again, because somebody else had signed up with
// his address, gets the password that he chose then, and nothing of what was there before goes on.
func (m *ConfirmationManager) verify(tx *gorm.DB, token *OneTimeToken, client Client) error {
	columns := map[string]any{"email_verified_at": moment(m.users.now)}
	if token.NewPassword != "" {
		columns["password"] = token.NewPassword
	}
	claim := tx.Model(&User{}).
		Where("id = ? AND email = ? AND email_verified_at IS NULL", token.UserID, token.Address).Updates(columns)
	if claim.Error != nil || claim.RowsAffected == 0 {
		return claim.Error // confirmed before, in another way
	}
	event := AuditEvent{Kind: EventEmailVerified, UserID: token.UserID, ActorID: &token.UserID}
	if err := m.users.audit.record(tx, event, client); err != nil || token.NewPassword == "" {
		return err
	}
	return m.startOver(tx, token.UserID, client)
}

// startOver ends every session and every pending token of a user whose password has just been replaced by mail.
func (m *ConfirmationManager) startOver(tx *gorm.DB, user uuid.UUID, client Client) error {
	if err := m.end(tx, tokenCancelled, "user_id = ?", user); err != nil {
		return err
	}
	event := AuditEvent{Kind: EventPasswordChanged, UserID: user, ActorID: &user}
	if err := m.users.audit.record(tx, event, client); err != nil {
		return err
	}
	_, err := m.users.endSessions(tx, Ending{EndedByPasswordChange, client}, "user_id = ?", user)
	return err
}

// Signup is CreateUser for a sign-up that tells nobody whether the email is taken. If it is, its owner learns by mail that he
// has an account, or, if nobody has confirmed the address yet, can make the account his, with the password of this
// sign-up. Until he does nothing changes.
func (m *ConfirmationManager) Signup(ctx context.Context, input NewUser) error {
	applicant, err := m.users.CreateUser(ctx, input)
	if !isTaken(err) {
		return err
	}
	user, err := m.users.ByEmail(ctx, applicant.Email)
	if err != nil {
		return err
	}
	return m.users.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if user.EmailVerifiedAt != nil {
			return m.post(tx, MessageAccountExists, user.ID, uuid.Nil)
		}
		return m.ask(tx, OneTimeToken{
			UserID: user.ID, Purpose: PurposeVerifyEmail, Address: user.Email, NewPassword: applicant.Password,
		})
	})
}
