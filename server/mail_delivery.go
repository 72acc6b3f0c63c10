package server

import (
	"context"

	"latchkey/config"
	"latchkey/mail"
	"latchkey/web"
)

// delivery is the templates of mails and what sends them. Page shows the development mailbox; without one it is nil.
type delivery struct {
	templates *mail.Templates
	sender    mail.Sender
	page      *web.DevMail
}

// newDelivery returns the delivery that SMTP_URL chooses: a mail server, none at all or, in development, the mailbox.
func newDelivery(settings config.Settings, with Resources) (delivery, error) {
	templates, err := newTemplates(settings)
	if err != nil {
		return delivery{}, err
	}
	switch {
	case settings.Mail.HasServer():
		sender, err := smtpSender(settings, with)
		return delivery{templates: templates, sender: sender}, err
	case settings.Mail.IsOff() || settings.InProduction():
		return delivery{templates: templates, sender: mail.Discard{}}, nil
	default:
		with.Log.Info("mail is not sent but kept in the development mailbox", "url", settings.Server.PublicURL+"/dev/mail")
		mailbox := mail.NewMailbox(with.Log, with.Now)
		page, err := web.NewDevMail(mailbox)
		return delivery{templates: templates, sender: mailbox, page: page}, err
	}
}

// CheckTemplates returns what is wrong with the operator's own mail templates.
func CheckTemplates(settings config.Settings) error {
	_, err := newTemplates(settings)
	return err
}

func newTemplates(settings config.Settings) (*mail.Templates, error) {
	return mail.NewTemplates(settings.ServiceName(), settings.Mail.TemplatesDir)
}

// CheckMailServer returns why the mail server of the settings can't be used, or nil if it can be used or none is
// configured. It sends no mail.
func CheckMailServer(ctx context.Context, settings config.Settings, with Resources) error {
	if !settings.Mail.HasServer() {
		return nil
	}
	sender, err := smtpSender(settings, with)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return sender.Check(ctx)
}

// takenAddresses returns the function that reports whether mail can be delivered to an address. Without a mail server it is nil,
// and every address is accepted.
func takenAddresses(settings config.Settings, with Resources) (func(context.Context, string) bool, error) {
	if !settings.Mail.HasServer() {
		return nil, nil
	}
	sender, err := smtpSender(settings, with)
	if err != nil {
		return nil, err
	}
	return sender.Takes, nil
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
