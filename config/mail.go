package config

import (
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// noMail is the SMTP_URL of a service that deliberately sends no mail.
const noMail = "none"

// Mail configures how mail to users is sent. SMTPURL is the URL of a server or "none"; if it is unset in development, mails
// are kept in the development mailbox. The links are where those in mails lead, by default to the built-in pages.
type Mail struct {
	SMTPURL      Secret `env:"SMTP_URL"`
	From         string `env:"MAIL_FROM"`
	TemplatesDir string `env:"MAIL_TEMPLATES_DIR"`
	LinkVerify   string `env:"MAIL_LINK_VERIFY" derived:"http://localhost:8080/verify-email"`
	LinkReset    string `env:"MAIL_LINK_RESET" derived:"http://localhost:8080/reset-password"`
	LinkUndo     string `env:"MAIL_LINK_UNDO" derived:"http://localhost:8080/undo-email-change"`
}

// IsOff reports whether the service deliberately sends no mail.
func (m Mail) IsOff() bool { return m.SMTPURL.Reveal() == noMail }

// HasServer reports whether mail goes to a server. Mail that is neither off nor has one stays in the development mailbox.
func (m Mail) HasServer() bool { return m.SMTPURL.IsSet() && !m.IsOff() }

// ServiceName returns what the service is called in mails and pages: the name in MAIL_FROM, or else the host of PUBLIC_URL.
func (s Settings) ServiceName() string {
	if from, err := mail.ParseAddress(s.Mail.From); err == nil && from.Name != "" {
		return from.Name
	}
	_, host, _ := strings.Cut(s.Server.PublicURL, "://")
	return host
}

func mailSection() section {
	return section{
		title: "Mail",
		variables: []description{
			{"SMTP_URL", "smtp://USER:PASSWORD@HOST:587 or smtps://…; none: no mail; unset, in development: /dev/mail"},
			{"MAIL_FROM", "sender of mail, such as Acme <no-reply@acme.example>; mails call the service by the name"},
			{"MAIL_TEMPLATES_DIR", "folder of your own templates; a file there replaces the built-in one of the same name"},
			{"MAIL_LINK_VERIFY", "where the link to confirm an address leads, such as myapp://verify"},
			{"MAIL_LINK_RESET", "where the link to choose a new password leads"},
			{"MAIL_LINK_UNDO", "where the link to undo a change of address leads"},
		},
		complete: completeMail,
		check:    checkMail,
		deploy:   deployMail,
	}
}

func completeMail(s *Settings, _ map[string]string) {
	for link, page := range map[*string]string{
		&s.Mail.LinkVerify: "/verify-email", &s.Mail.LinkReset: "/reset-password", &s.Mail.LinkUndo: "/undo-email-change",
	} {
		if *link == "" {
			*link = s.Server.PublicURL + page
		}
	}
}

func checkMail(c *checker) {
	settings := c.settings.Mail
	if !settings.SMTPURL.IsSet() && c.settings.InProduction() {
		c.fail("SMTP_URL", "is required in production, for mail to users, such as the link to choose a new password",
			"Write smtp://USER:PASSWORD@HOST:587, or none to send no mail at all.")
	}
	if settings.HasServer() {
		server, err := settings.Server()
		switch {
		case err == nil && c.settings.InProduction():
			refuseUnencryptedMail(c, server)
		case err != nil:
			c.fail("SMTP_URL", err.Error(), "Write smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465, "+
				"with : / ? # [ ] @ % in the password as %3A %2F %3F %23 %5B %5D %40 %25.")
		}
	}
	checkMailFrom(c)
	checkLink(c, "MAIL_LINK_VERIFY", settings.LinkVerify)
	checkLink(c, "MAIL_LINK_RESET", settings.LinkReset)
	checkLink(c, "MAIL_LINK_UNDO", settings.LinkUndo)
}

func checkMailFrom(c *checker) {
	const remedy = "Write an address, after a name that users know, such as Acme <no-reply@acme.example>."
	settings := c.settings.Mail
	if settings.From == "" {
		if settings.HasServer() {
			c.fail("MAIL_FROM", "is required with SMTP_URL", remedy)
		}
		return
	}
	from, err := mail.ParseAddress(settings.From)
	switch {
	case err != nil:
		c.fail("MAIL_FROM", "is not an email address", remedy)
	case strings.ContainsFunc(from.Address, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsSpace(r) }):
		c.fail("MAIL_FROM", "has an address with a space or non-ASCII characters, which not every server accepts", remedy)
	}
}

// checkLink allows links to pages and to apps. A mail adds its token to the query.
func checkLink(c *checker, variable, link string) {
	const remedy = "Write the URL of a page, such as https://app.example.com/verify, or of your app, such as myapp://verify."
	parsed, err := url.Parse(link)
	switch {
	case strings.HasPrefix(link, c.settings.Server.PublicURL+"/"): // a built-in page; PUBLIC_URL is checked on its own
	case err != nil || parsed.Scheme == "" || parsed.Opaque != "" || parsed.Host == "" && parsed.Path == "":
		c.fail(variable, "is not a link", remedy)
	case slices.Contains([]string{"javascript", "data", "vbscript", "file"}, parsed.Scheme), parsed.User != nil,
		parsed.Fragment != "":
		c.fail(variable, "is a link that does not belong in a mail", remedy)
	case parsed.Scheme == "http" && c.settings.InProduction():
		c.fail(variable, "must begin with https:// in production, because the link gives access to an account", remedy)
	}
}

func deployMail(c *checker) {
	settings := c.settings.Mail
	server, err := settings.Server()
	switch {
	case settings.IsOff():
		c.warn("SMTP_URL", "is none, so users can't confirm an address or reset a password",
			"Write smtp://USER:PASSWORD@HOST:587.")
	case !settings.SMTPURL.IsSet():
		c.fail("SMTP_URL", "is not set, so mail never leaves this machine, and anyone can read it at /dev/mail",
			"Write smtp://USER:PASSWORD@HOST:587, or none to send no mail at all.")
	case err == nil:
		refuseUnencryptedMail(c, server)
	}
}

func refuseUnencryptedMail(c *checker, server MailServer) {
	if server.TLS == "none" && !isLoopback(server.Host) {
		c.fail("SMTP_URL", "has tls=none, so links that give access to accounts are sent unencrypted",
			"Remove tls=none; only a server on this machine may go without TLS.")
	}
}
