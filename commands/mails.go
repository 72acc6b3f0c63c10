package commands

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

// mailer turns what is queued into letters and sends them.
type mailer struct {
	post          post
	links         config.Mail
	users         *models.UserManager
	oneTimeTokens *models.OneTimeTokenManager
	log           *slog.Logger
}

// errComposing stands for what the database said, which may hold what does not belong into the queue.
var errComposing = errors.New("the letter could not be composed; the log has the reason")

// send sends the letter that a job is about, unless its occasion has passed.
func (m mailer) send(ctx context.Context, job jobs.Mail) error {
	about, err := m.oneTimeTokens.Compose(ctx, job)
	if err != nil {
		m.log.ErrorContext(ctx, "composing a mail failed", "message", job.Message, "user", job.UserID, "error", err)
		return errComposing
	}
	if about == nil {
		return nil
	}
	letter, err := m.letter(job, about)
	if err != nil {
		return jobs.Permanent(err)
	}
	err = m.post.sender.Send(ctx, letter)
	if errors.Is(err, mail.ErrPermanent) {
		return jobs.Permanent(err)
	}
	if err == nil && job.Message == models.MessageAccountDeletion {
		m.deleteIfDue(ctx, job)
	}
	return err
}

// deleteIfDue deletes an account that has no grace, once its mail is sent. If that fails the sweep will do it; the mail must
// not be sent again for it.
func (m mailer) deleteIfDue(ctx context.Context, job jobs.Mail) {
	if err := m.users.DeleteIfDue(ctx, job.UserID); err != nil {
		m.log.ErrorContext(ctx, "deleting an account failed", "user", job.UserID, "error", err)
	}
}

func (m mailer) letter(job jobs.Mail, about *models.Letter) (mail.Rendered, error) {
	letter := mail.Letter{
		ID: job.About, Message: mail.Message(job.Message), To: about.To,
		Locale: about.User.Locale, Timezone: about.User.Timezone,
		Code: about.Code, Expires: about.Expires, At: about.At,
		Device: about.Client.UserAgent, Address: about.Client.IP,
	}
	if about.User.EmailVerifiedAt != nil { // until then it may be a stranger's name
		letter.Name = about.User.FullName()
	}
	if about.Token != "" {
		var err error
		if letter.Link, err = withToken(m.link(job.Message), about.Token); err != nil {
			return mail.Rendered{}, err
		}
	}
	return m.post.templates.Render(letter)
}

// link is where the link of a message leads.
func (m mailer) link(message string) string {
	switch message {
	case models.PurposeResetPassword:
		return m.links.LinkReset
	case models.PurposeUndoChange:
		return m.links.LinkUndo
	default:
		return m.links.LinkVerify
	}
}

func withToken(link, token string) (string, error) {
	parsed, err := url.Parse(link)
	if err != nil {
		return "", errors.New("a link of MAIL_LINK_… is none")
	}
	query := parsed.Query()
	query.Set("token", token)
	parsed.RawQuery = query.Encode()
	return parsed.String(), nil
}

// notices are the events that users get a mail about.
func notices(account config.Account, queue *jobs.Queue) models.Notices {
	messages := map[string]string{
		models.EventDeletionAsked: models.MessageAccountDeletion,
	}
	if account.EmailVerification != config.VerificationOff {
		messages[models.EventSignedUp] = models.PurposeVerifyEmail
	}
	if account.SecurityNotices {
		messages[models.EventPasswordChanged] = models.MessagePasswordChanged
		messages[models.EventNewDevice] = models.MessageNewDevice
		messages[models.EventRefreshTokenReused] = models.MessageSessionsEnded
	}
	return models.Notices{Queue: queue, Messages: messages}
}
