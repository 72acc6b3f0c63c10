package config

import (
	"cmp"
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// MailServer is the parsed SMTP_URL. TLS is "starttls", "implicit" or "none".
type MailServer struct {
	Host     string
	Port     int
	User     string
	Password Secret
	TLS      string
}

// Server parses SMTP_URL. The error reads as the end of a sentence and repeats no part of the URL.
func (m Mail) Server() (MailServer, error) {
	parsed, err := url.Parse(m.SMTPURL.Reveal())
	if err != nil {
		return MailServer{}, errors.New("can't be read as a URL")
	}
	tls, defaultPort, err := encryption(parsed)
	if err != nil {
		return MailServer{}, err
	}
	port, err := strconv.ParseUint(cmp.Or(parsed.Port(), defaultPort), 10, 16)
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
		return MailServer{}, errors.New("has tls=none and a password, which would be sent unencrypted")
	}
	return server, nil
}

// encryption returns how to encrypt connections to the server, and the default port for that.
func encryption(server *url.URL) (tls, port string, err error) {
	options, err := url.ParseQuery(server.RawQuery)
	unencrypted := options.Get("tls") == "none"
	options.Del("tls")
	switch {
	case err != nil || len(options) > 0 || server.Query().Has("tls") && !unencrypted:
		return "", "", errors.New("has options other than tls=none")
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
