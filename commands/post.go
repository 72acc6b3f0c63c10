package commands

import (
	"latchkey/config"
	"latchkey/mail"
	"latchkey/web"
)

// post is how letters are written and where they go. Page shows those that stay in the mailbox; elsewhere it is nil.
type post struct {
	templates *mail.Templates
	sender    mail.Sender
	page      *web.DevMail
}

// newPost chooses by SMTP_URL: a server, nobody at all, or, in development, the mailbox.
func newPost(settings config.Settings, with Resources) (post, error) {
	templates, err := mail.NewTemplates(settings.ServiceName(), settings.Mail.TemplatesDir)
	if err != nil {
		return post{}, err
	}
	switch {
	case settings.Mail.HasServer():
		sender, err := smtpSender(settings, with)
		return post{templates: templates, sender: sender}, err
	case settings.Mail.IsOff() || settings.InProduction():
		return post{templates: templates, sender: mail.Discard{}}, nil
	default:
		with.Log.Info("mail is kept and not sent", "url", settings.Server.PublicURL+"/dev/mail")
		mailbox := mail.NewMailbox(with.Log, with.Now)
		page, err := web.NewDevMail(mailbox)
		return post{templates: templates, sender: mailbox, page: page}, err
	}
}

func smtpSender(settings config.Settings, with Resources) (*mail.SMTP, error) {
	server, err := settings.Mail.Server()
	if err != nil {
		return nil, err
	}
	return mail.NewSMTP(mail.SMTPOptions{
		Host: server.Host, Port: server.Port, User: server.User, Password: server.Password.Reveal(),
		TLS: mail.TLS(server.TLS), From: settings.Mail.From, Now: with.Now,
	})
}
