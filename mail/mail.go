// Package mail owns what the service writes to its users and how that is delivered: the messages with their templates in
// seven languages, the SMTP client, and the mailbox that stands in for it in development. It knows neither users nor the
// queue: who is written to and when a failed delivery is tried again is its callers' matter.
package mail

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
)

// Kind names what a message says. Its templates are the files of this name.
type Kind string

// The kinds of messages. The comment says to whom each goes.
const (
	VerifyEmail     Kind = "verify_email"     // an address that was typed at signup
	ResetPassword   Kind = "reset_password"   // the account that forgot its password
	ChangeEmail     Kind = "change_email"     // the address that an account is to change to
	EmailChanged    Kind = "email_changed"    // the address that it had before
	PasswordChanged Kind = "password_changed" // its account
	NewDevice       Kind = "new_device"       // the account that was logged in to
	SessionsEnded   Kind = "sessions_ended"   // the account whose refresh token was used twice
	AccountDeletion Kind = "account_deletion" // the account that will be deleted
	AccountExists   Kind = "account_exists"   // an address that was typed at signup and has an account
)

// Kinds returns all of them.
func Kinds() []Kind {
	return []Kind{
		VerifyEmail, ResetPassword, ChangeEmail, EmailChanged, PasswordChanged, NewDevice, SessionsEnded, AccountDeletion,
		AccountExists,
	}
}

// isForStrangers reports whether the address may be that of somebody who never heard of the service. Such a message says
// nothing that a user typed, or else everybody could have us send their words to anybody.
func (k Kind) isForStrangers() bool { return k == VerifyEmail || k == ChangeEmail }

// isToAct reports whether the message is there for its link or code.
func (k Kind) isToAct() bool { return k == VerifyEmail || k == ResetPassword || k == ChangeEmail }

// What can be wrong with a message. Trying again helps with none of it.
var (
	ErrUnknownKind = errors.New("mail: there is no such message")
	ErrIncomplete  = errors.New("mail: the message lacks what its message is about")
)

// ErrPermanent means that the server refused the recipient or the content for good. Every other error of Send is worth a
// retry.
var ErrPermanent = errors.New("mail: refused for good")

// Message is one message to one address, before it is rendered.
type Message struct {
	ID       uuid.UUID // of the message, the same when it is sent again, for its Message-ID; may be zero
	Kind     Kind
	To       string    // the address as it is stored
	Name     string    // the user's first, if To is known to be theirs; a greeting has it where it looks like one; may be empty
	Locale   string    // BCP 47; English where we don't speak it
	Timezone string    // IANA; UTC if there is no time zone of this name
	Token    string    // one-time, for a link; may be empty
	Link     string    // with the token in it; may be empty
	Code     string    // may be empty
	Expires  time.Time // when the link ends, or the account does; may be zero without a link and a code
	At       time.Time // when what it is about happened; may be zero

	Account     string    // the masked address of an account that is to change to To; may be empty
	CodeExpires time.Time // when the code ends; may be zero without one
	UserAgent   string    // of who did it; may be empty
	IP          string    // of who did it; may be empty
}

// check returns ErrUnknownKind, or ErrIncomplete for a message that lacks what it can't be understood without.
func (m Message) check() error {
	expires := m.Kind.isToAct() || m.Kind == AccountDeletion
	switch {
	case !slices.Contains(Kinds(), m.Kind):
		return fmt.Errorf("%w: %q", ErrUnknownKind, m.Kind)
	case m.To == "":
		return fmt.Errorf("%w: %s has no recipient", ErrIncomplete, m.Kind)
	case m.Kind.isToAct() && m.Link == "" && m.Code == "":
		return fmt.Errorf("%w: %s has neither a link nor a code", ErrIncomplete, m.Kind)
	case expires && m.Expires.IsZero():
		return fmt.Errorf("%w: %s does not say until when", ErrIncomplete, m.Kind)
	case m.Link != "" && !isLink(m.Link):
		return fmt.Errorf("%w: %s has a link that nobody can follow", ErrIncomplete, m.Kind)
	default:
		return nil
	}
}

// isLink reports whether link is the address of a page, or one that an app opens.
func isLink(link string) bool {
	parsed, err := url.Parse(link)
	if err != nil || parsed.Host == "" && parsed.Path == "" {
		return false
	}
	refused := []string{"", "data", "javascript", "vbscript"}
	return !slices.Contains(refused, parsed.Scheme) && parsed.Opaque == "" && !strings.ContainsFunc(link, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>\"'`", r)
	})
}

// Email is a message as it is sent.
type Email struct {
	ID      uuid.UUID
	To      string
	Subject string
	Text    string
	HTML    string
	Links   []string
	Code    string
}

// Sender delivers rendered messages. Its errors hold no password and nothing of the message; those that no retry helps with
// are ErrPermanent.
type Sender interface {
	Send(ctx context.Context, message Email) error
}

// Discard is the Sender of a service that sends no mail.
type Discard struct{}

// Send does nothing.
func (Discard) Send(context.Context, Email) error { return nil }
