package server

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"latchkey/config"
	"latchkey/jobs"
	"latchkey/mail"
	"latchkey/models"
)

// mailer composes and sends the mails in the queue.
type mailer struct {
	delivery
	links         config.Mail
	users         *models.UserManager
	oneTimeTokens *models.OneTimeTokenManager
	recipients    recipientLimit
	log           *slog.Logger
}

func newMailer(settings config.Settings, with Resources, m Managers, recipients recipientLimit) (mailer, error) {
	delivery, err := newDelivery(settings, with)
	return mailer{delivery, settings.Mail, m.Users, m.OneTimeTokens, recipients, with.Log}, err
}

// errComposing replaces the error of the database, which may hold what must not be stored in the queue.
var errComposing = errors.New("the mail could not be composed; the log has the reason")

// compose returns the message of a job, or nil if its occasion has passed or its recipient has had enough.
func (m mailer) compose(ctx context.Context, job jobs.Mail) (*mail.Message, error) {
	if job.Attempt <= 1 { // or a mail that failed would count again
		recipient, err := m.oneTimeTokens.Recipient(ctx, job)
		if err != nil {
			return nil, err
		}
		allowed, err := m.recipients.take(ctx, recipient)
		if err != nil {
			return nil, err
		}
		if !allowed { // the token of an earlier mail stays valid
			m.log.InfoContext(ctx, "mail not sent: its recipient has got as many as they may", "message", job.Message, "user", job.UserID)
			return nil, nil
		}
	}
	return m.oneTimeTokens.Compose(ctx, job)
}

// send sends the mail of a job, unless its occasion has passed. Errors that trying again can't help are [jobs.Permanent].
func (m mailer) send(ctx context.Context, job jobs.Mail) error {
	message, err := m.compose(ctx, job)
	if err != nil {
		m.log.ErrorContext(ctx, "composing a mail failed", "message", job.Message, "user", job.UserID, "error", err)
		return errComposing
	}
	if message == nil {
		return nil
	}
	if message.Token != "" {
		if message.Link, err = withToken(m.link(message.Kind), message.Token); err != nil {
			return jobs.Permanent(err)
		}
	}
	email, err := m.templates.Render(*message)
	if err != nil {
		return jobs.Permanent(err)
	}
	err = m.sender.Send(ctx, email)
	if errors.Is(err, mail.ErrPermanent) {
		return jobs.Permanent(err)
	}
	if err == nil && message.Kind == mail.AccountDeletion {
		m.deleteIfDue(ctx, job)
	}
	return err
}

// deleteIfDue deletes an account that has no grace period, once its mail is sent. If that fails, the hourly cleanup deletes it;
// the mail must not be sent again because of it.
func (m mailer) deleteIfDue(ctx context.Context, job jobs.Mail) {
	if err := m.users.DeleteIfDue(ctx, job.UserID); err != nil {
		m.log.ErrorContext(ctx, "deleting an account failed", "user", job.UserID, "error", err)
	}
}

// link returns the page that a message of this kind links to.
func (m mailer) link(kind mail.Kind) string {
	switch kind {
	case mail.ResetPassword:
		return m.links.LinkReset
	case models.PurposeUndoChange:
		return m.links.LinkUndo
	default:
		return m.links.LinkVerify
	}
}

// withToken returns link with the token in its query.
func withToken(link, token string) (string, error) {
	parsed, err := url.Parse(link)
	if err != nil {
		return "", errors.New("a link in MAIL_LINK_… is not a URL")
	}
	query := parsed.Query()
	query.Set("token", token)
	parsed.RawQuery = query.Encode()
	return parsed.String(), nil
}

// notices returns the events that users get a mail about.
func notices(account config.Account, queue *jobs.Queue) models.Notices {
	messages := map[string]mail.Kind{
		models.EventDeletionAsked: mail.AccountDeletion,
	}
	if account.EmailVerification != config.VerificationOff {
		messages[models.EventSignedUp] = mail.VerifyEmail
	}
	if account.SecurityNotices {
		messages[models.EventPasswordChanged] = mail.PasswordChanged
		messages[models.EventNewDevice] = mail.NewDevice
		messages[models.EventRefreshTokenReused] = mail.SessionsEnded
	}
	return models.Notices{Queue: queue, Messages: messages}
}
