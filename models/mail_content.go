package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"latchkey/jobs"
	"latchkey/tokens"
)

// Messages that ask for no answer. Those that do are called like the purposes of one-time tokens.
const (
	MessageAccountExists   = "account_exists"
	MessagePasswordChanged = "password_changed"
	MessageNewDevice       = "new_device"
	MessageSessionsEnded   = "sessions_ended"
	MessageAccountDeletion = "account_deletion"
)

// Letter is what a queued mail is about, as it is now. Token and Code are empty where the message asks for no answer,
// Expires and At zero where nothing ends or happened.
type Letter struct {
	To      string
	User    *User
	Token   string
	Code    string
	Expires time.Time
	At      time.Time
	Client  Client
}

// Compose finds out what a queued mail is about and makes its token usable from now on. A mail whose occasion has passed is
// nil: its account is gone or inactive, its address confirmed, its token used, or a newer one asked for.
func (m *OneTimeTokenManager) Compose(ctx context.Context, mail jobs.Mail) (letter *Letter, err error) {
	err = m.store.Transaction(ctx, func(tx Tx) error {
		user, err := takeUser(tx.DB, "id = ?", mail.UserID)
		if errors.Is(err, ErrUserNotFound) || err == nil && !user.IsActive {
			return nil
		}
		if err != nil {
			return err
		}
		letter, err = m.compose(tx, mail, user)
		return err
	})
	return letter, err
}

func (m *OneTimeTokenManager) compose(tx Tx, mail jobs.Mail, user *User) (*Letter, error) {
	switch mail.Message {
	case PurposeVerifyEmail, PurposeResetPassword, PurposeChangeEmail, PurposeUndoChange:
		return m.composeQuestion(tx, mail, user)
	case MessageAccountDeletion:
		if user.DeletionDueAt == nil {
			return nil, nil
		}
		return &Letter{To: user.Email, User: user, Expires: *user.DeletionDueAt}, nil
	case MessageAccountExists:
		return &Letter{To: user.Email, User: user}, nil
	default:
		return m.composeNotice(tx, mail, user)
	}
}

// composeQuestion is a letter with a token, which goes to the address that the token is to prove.
func (m *OneTimeTokenManager) composeQuestion(tx Tx, mail jobs.Mail, user *User) (*Letter, error) {
	if mail.Message == PurposeVerifyEmail && user.EmailVerifiedAt != nil {
		return nil, nil
	}
	token, err := m.activate(tx, OneTimeToken{ID: mail.About, UserID: user.ID, Purpose: mail.Message, Address: user.Email})
	if err != nil || token == nil {
		return nil, err
	}
	parts := tokens.Parts{ID: token.ID}
	letter := &Letter{
		To: token.Address, User: user, Token: m.codec.Encode(parts), Expires: token.ExpiresAt, At: token.CreatedAt,
	}
	if token.Purpose != PurposeUndoChange {
		letter.Code = m.codec.Code(parts)
	}
	return letter, nil
}

// composeNotice is a letter about an event of the audit log.
func (m *OneTimeTokenManager) composeNotice(tx Tx, mail jobs.Mail, user *User) (*Letter, error) {
	var event AuditEvent
	err := tx.Where("id = ? AND user_id = ?", mail.About, user.ID).Take(&event).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	letter := &Letter{To: user.Email, User: user, At: event.CreatedAt, Client: Client{IP: event.IP}}
	var session Session
	err = tx.Where("id = ? AND user_id = ?", event.SessionID, user.ID).Take(&session).Error
	if err == nil {
		letter.Client.UserAgent = session.UserAgent
	}
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = nil
	}
	return letter, err
}
