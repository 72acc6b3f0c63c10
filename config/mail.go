package config

import (
	"cmp"
	"errors"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// noMail is the SMTP_URL of a service that sends no mail on purpose.
const noMail = "none"

// MailServer is what SMTP_URL says. TLS is "starttls", "implicit" or "none".
type MailServer struct {
	Host     string
	Port     int
	User     string
	Password Secret
	TLS      string
}

// IsOff tells whether the service sends no mail on purpose.
func (m Mail) IsOff() bool { return m.SMTPURL.Reveal() == noMail }

// HasServer tells whether mail goes to a server. Where it is neither off nor has one, it stays in the development mailbox.
func (m Mail) HasServer() bool { return m.SMTPURL.IsSet() && !m.IsOff() }

// Server reads SMTP_URL. The error reads as the end of a sentence and repeats nothing of it.
func (m Mail) Server() (MailServer, error) {
	parsed, err := url.Parse(m.SMTPURL.Reveal())
	if err != nil {
		return MailServer{}, errors.New("can't be read as a URL")
	}
	tls, usualPort, err := encryption(parsed)
	if err != nil {
		return MailServer{}, err
	}
	port, err := strconv.ParseUint(cmp.Or(parsed.Port(), usualPort), 10, 16)
	password, _ := parsed.User.Password()
	name, _, _ := cutPort(strings.ToLower(parsed.Host))
	server := MailServer{
		Host: strings.ToLower(parsed.Hostname()), Port: int(port),
		User: parsed.User.Username(), Password: NewSecret(password), TLS: tls,
	}
	switch {
	case err != nil || port == 0:
		return MailServer{}, errors.New("has no usable port")
	case !hostPattern.MatchString(name):
		return MailServer{}, errors.New("has no usable host")
	case strings.Trim(parsed.Path, "/") != "" || parsed.Fragment != "":
		return MailServer{}, errors.New("has something after the host")
	case (server.User == "") != (password == ""):
		return MailServer{}, errors.New("has a user name without a password, or a password without a user name")
	case server.TLS == "none" && password != "":
		return MailServer{}, errors.New("has tls=none and a password, which would travel in clear")
	}
	return server, nil
}

// encryption is how a server is spoken to, and its usual port.
func encryption(server *url.URL) (tls, port string, err error) {
	options, err := url.ParseQuery(server.RawQuery)
	unencrypted := options.Get("tls") == "none"
	options.Del("tls")
	switch {
	case err != nil || len(options) > 0 || server.Query().Has("tls") && !unencrypted:
		return "", "", errors.New("has other options than tls=none")
	case server.Scheme == "smtps" && unencrypted:
		return "", "", errors.New("begins with smtps:// and has tls=none")
	case server.Scheme == "smtps":
		return "implicit", "465", nil
	case server.Scheme == "smtp" && unencrypted:
		return "none", "25", nil
	case server.Scheme == "smtp":
		return "starttls", "587", nil
	default:
		return "", "", errors.New("does not begin with smtp:// or smtps://")
	}
}

// isLocal tells whether the server is on this machine.
func (s MailServer) isLocal() bool {
	addr, err := netip.ParseAddr(s.Host)
	return s.Host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// ServiceName is how the service calls itself to its users: the name in MAIL_FROM, or else the host of PUBLIC_URL.
func (s Settings) ServiceName() string {
	if from, err := mail.ParseAddress(s.Mail.From); err == nil && from.Name != "" {
		return from.Name
	}
	_, host, _ := strings.Cut(s.Server.PublicURL, "://")
	return host
}

func mailSection() section {
	return section{"Mail", []entry{
		{"SMTP_URL", "", "smtp://USER:PASSWORD@HOST:587 or smtps://…; none: no mail; not given, in development: /dev/mail"},
		{"MAIL_FROM", "", "whom mail is from, as Acme <no-reply@acme.example>; letters call the service by the name"},
		{"MAIL_TEMPLATES_DIR", "", "folder of your own templates; a file there stands in for ours of the same name"},
		{"MAIL_LINK_VERIFY", "http://localhost:8080/verify-email", "where the link to confirm an address leads, as myapp://verify"},
		{"MAIL_LINK_RESET", "http://localhost:8080/reset-password", "where the link to a new password leads"},
		{"MAIL_LINK_UNDO", "http://localhost:8080/undo-email-change", "where the link leads that undoes a change of address"},
	}}
}

func (c *checker) checkMail() {
	settings := c.settings.Mail
	if !settings.SMTPURL.IsSet() && c.settings.InProduction() {
		c.fault("SMTP_URL", "is required in production, where users get mail, such as the link to a new password",
			"Write smtp://USER:PASSWORD@HOST:587, or none to send no mail at all.")
	}
	if settings.HasServer() {
		if _, err := settings.Server(); err != nil {
			c.fault("SMTP_URL", err.Error(), "Write smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465, "+
				"with : / ? # [ ] @ % in the password as %3A %2F %3F %23 %5B %5D %40 %25.")
		}
	}
	c.checkMailFrom()
	c.checkLink("MAIL_LINK_VERIFY", settings.LinkVerify)
	c.checkLink("MAIL_LINK_RESET", settings.LinkReset)
	c.checkLink("MAIL_LINK_UNDO", settings.LinkUndo)
}

// checkLink takes pages and what apps open. The token of a mail goes into the query.
func (c *checker) checkLink(variable, link string) {
	const remedy = "Write the address of a page, as https://app.example.com/verify, or of your app, as myapp://verify."
	parsed, err := url.Parse(link)
	switch {
	case strings.HasPrefix(link, c.settings.Server.PublicURL+"/"): // our own page; PUBLIC_URL has faults of its own
	case err != nil || parsed.Scheme == "" || parsed.Opaque != "" || parsed.Host == "" && parsed.Path == "":
		c.fault(variable, "is not a link", remedy)
	case slices.Contains([]string{"javascript", "data", "vbscript", "file"}, parsed.Scheme), parsed.User != nil,
		parsed.Fragment != "":
		c.fault(variable, "is a link that no mail should have", remedy)
	case parsed.Scheme == "http" && c.settings.InProduction():
		c.fault(variable, "has to begin with https:// in production, because it carries what opens an account", remedy)
	}
}

func (c *checker) checkAccounts() {
	account := c.settings.Account
	known := c.oneOf("EMAIL_VERIFICATION", account.EmailVerification,
		VerificationOff, VerificationOptional, VerificationRequired)
	if known && account.EmailVerification == VerificationRequired && c.settings.Mail.IsOff() {
		c.fault("EMAIL_VERIFICATION", "is required, but SMTP_URL=none sends no mail to confirm an address with",
			"Set SMTP_URL, or EMAIL_VERIFICATION=off.")
	}
	c.within("ACCOUNT_DELETION_GRACE", account.DeletionGrace, 0, year)
}

func (c *checker) checkMailFrom() {
	const remedy = "Write an address, with a name in front that users know, as Acme <no-reply@acme.example>."
	settings := c.settings.Mail
	if settings.From == "" {
		if settings.HasServer() {
			c.fault("MAIL_FROM", "is required with SMTP_URL", remedy)
		}
		return
	}
	from, err := mail.ParseAddress(settings.From)
	switch {
	case err != nil:
		c.fault("MAIL_FROM", "is not an email address", remedy)
	case strings.ContainsFunc(from.Address, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsSpace(r) }):
		c.fault("MAIL_FROM", "has an address with other letters than ASCII, which not every server takes", remedy)
	}
}

func findMail(s Settings) []Finding {
	if s.Mail.IsOff() {
		return []Finding{{
			LevelWarning, "SMTP_URL", "is none, so users can't confirm an address or get a new password",
			"Write smtp://USER:PASSWORD@HOST:587.",
		}}
	}
	if !s.Mail.SMTPURL.IsSet() {
		return []Finding{{
			LevelError, "SMTP_URL", "is not set, so no mail leaves this machine, and anybody can read it at /dev/mail",
			"Write smtp://USER:PASSWORD@HOST:587, or none to send no mail at all.",
		}}
	}
	if server, err := s.Mail.Server(); err == nil && server.TLS == "none" && !server.isLocal() {
		return []Finding{{
			LevelError, "SMTP_URL", "has tls=none, so links that open accounts travel in clear",
			"Remove tls=none; a server that speaks no TLS has to be on this machine.",
		}}
	}
	return nil
}
