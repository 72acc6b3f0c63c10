package models

import (
	"context"
	"errors"
	"strings"

	"gorm.io/gorm"

	"latchkey/jobs"
	"latchkey/mail"
	"latchkey/tokens"
)

// Compose returns the message that a queued mail is about, without the link, and makes its token usable from now on. It
// returns nil for a mail whose occasion has passed: its account is gone or inactive, its address verified, its token used, or a
// newer one requested.
func (m *OneTimeTokenManager) Compose(ctx context.Context, job jobs.Mail) (message *mail.Message, err error) {
	err = m.store.Transaction(ctx, func(tx Tx) error {
		message = nil
		user, err := lockUser(tx, job.UserID)
		if errors.Is(err, ErrUserNotFound) || err == nil && !user.IsActive {
			return nil
		}
		if err != nil {
			return err
		}
		message, err = m.compose(tx, job, user)
		return err
	})
	return message, err
}

func (m *OneTimeTokenManager) compose(tx Tx, job jobs.Mail, user *User) (*mail.Message, error) {
	message := mail.Message{
		ID: job.About, Kind: mail.Kind(job.Message), To: user.Email, Locale: user.Locale, Timezone: user.Timezone,
	}
	if user.EmailVerifiedAt != nil { // until then it may be a stranger's name
		message.Name = user.FirstName // the whole would have room for a sentence
	}
	switch message.Kind {
	case mail.VerifyEmail, mail.ResetPassword, mail.ChangeEmail, mail.EmailChanged:
		return m.composeToken(tx, message, user)
	case mail.AccountDeletion:
		if user.DeletionDueAt == nil {
			return nil, nil
		}
		message.Expires = *user.DeletionDueAt
		return &message, nil
	case mail.AccountExists:
		return &message, nil
	default:
		return composeNotice(tx, message, user)
	}
}

// composeToken completes a message with a token, which goes to the address whose control the token is to prove.
func (m *OneTimeTokenManager) composeToken(tx Tx, message mail.Message, user *User) (*mail.Message, error) {
	if message.Kind == mail.VerifyEmail && user.EmailVerifiedAt != nil {
		return nil, nil
	}
	token, err := m.activate(tx, OneTimeToken{ID: message.ID, UserID: user.ID, Purpose: message.Kind, Address: user.Email})
	if err != nil || token == nil {
		return nil, err
	}
	handle := tokens.Handle{ID: token.ID}
	message.To, message.Token, message.Expires, message.At = token.Address, m.codec.Encode(handle), token.ExpiresAt, token.CreatedAt
	if token.Purpose != PurposeUndoChange {
		message.Code, message.CodeExpires = m.codec.Code(handle), token.codeExpiresAt()
	}
	if token.Purpose == mail.ChangeEmail {
		message.Account = maskEmail(user.Email)
	}
	return &message, nil
}

// maskEmail returns what the owner of an address recognises it by, and from which nobody else learns it. It has one letter each
// of the local part and of the domain, so that nobody can have us send words of theirs.
func maskEmail(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	first := func(part string) string {
		for _, letter := range part {
			return string(letter)
		}
		return ""
	}
	return first(local) + "•••@" + first(domain) + "•••"
}

// composeNotice completes a message about an event of the audit log.
func composeNotice(tx Tx, message mail.Message, user *User) (*mail.Message, error) {
	var event AuditEvent
	err := tx.Where("id = ? AND user_id = ?", message.ID, user.ID).Take(&event).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	message.At, message.IP = event.CreatedAt, event.IP
	var sessions []Session
	err = tx.Where("id = ? AND user_id = ?", event.SessionID, user.ID).Limit(1).Find(&sessions).Error
	if len(sessions) == 1 {
		message.UserAgent = sessions[0].UserAgent
	}
	return &message, err
}
