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

// verify marks the address of a token as confirmed.
func (m *ConfirmationManager) verify(tx *gorm.DB, token *OneTimeToken, client Client) error {
	claim := tx.Model(&User{}).Where("id = ? AND email = ? AND email_verified_at IS NULL", token.UserID, token.Address).
		Update("email_verified_at", moment(m.users.now))
	if claim.Error != nil || claim.RowsAffected == 0 {
		return claim.Error // confirmed before, in another way
	}
	event := AuditEvent{Kind: EventEmailVerified, UserID: token.UserID, ActorID: &token.UserID}
	return m.users.audit.record(tx, event, client)
}

// startOver ends every session and every pending token of a user whose password has just been replaced by mail, but for
// those by which an address that the account had before takes a change back: whoever changed it could reset the password too.
// The detail says how that came.
func (m *ConfirmationManager) startOver(tx *gorm.DB, user uuid.UUID, detail string, client Client) error {
	if err := m.end(tx, tokenCancelled, "user_id = ? AND purpose <> ?", user, PurposeUndoChange); err != nil {
		return err
	}
	event := AuditEvent{Kind: EventPasswordChanged, UserID: user, ActorID: &user, Detail: detail}
	if err := m.users.audit.record(tx, event, client); err != nil {
		return err
	}
	_, err := m.users.endSessions(tx, Ending{EndedByPasswordChange, client}, "user_id = ?", user)
	return err
}

// Signup is CreateUser for a sign-up that tells nobody whether the email is taken. If it is, its owner learns by mail that he
// has an account, or, if nobody has confirmed the address yet, is asked to choose a password for it. What this sign-up
// chose is forgotten: it may be a stranger's.
func (m *ConfirmationManager) Signup(ctx context.Context, input NewUser) error {
	applicant, err := m.users.CreateUser(ctx, input)
	if !isTaken(err) {
		return err
	}
	user, err := m.users.forLogin(ctx, applicant.Email)
	if err != nil {
		return err
	}
	message := PurposeResetPassword
	if user.EmailVerifiedAt != nil {
		message = MessageAccountExists
	}
	about, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return m.users.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return m.post(tx, message, user.ID, about)
	})
}
