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

// Message names what a letter says. Its templates are the files of this name.
type Message string

// The messages. The comment says to whom each goes.
const (
	VerifyEmail     Message = "verify_email"     // an address that was typed at signup
	ResetPassword   Message = "reset_password"   // who asked for it
	ChangeEmail     Message = "change_email"     // the address that an account wants to change to
	EmailChanged    Message = "email_changed"    // the address that it had before
	PasswordChanged Message = "password_changed" //
	NewDevice       Message = "new_device"       //
	SessionsEnded   Message = "sessions_ended"   // the user whose refresh token was used twice
	AccountDeletion Message = "account_deletion" // who asked for it
	AccountExists   Message = "account_exists"   // an address that was typed at signup and has an account
)

// Messages lists all of them.
func Messages() []Message {
	return []Message{
		VerifyEmail, ResetPassword, ChangeEmail, EmailChanged, PasswordChanged, NewDevice, SessionsEnded, AccountDeletion,
		AccountExists,
	}
}

// isForStrangers tells whether the address may be that of somebody who never heard of the service. Such a letter says
// nothing that a user typed, or else everybody could have us send their words to anybody.
func (m Message) isForStrangers() bool { return m == VerifyEmail || m == ChangeEmail }

// isToAct tells whether the message is there for its link or code.
func (m Message) isToAct() bool { return m == VerifyEmail || m == ResetPassword || m == ChangeEmail }

// What can be wrong with a letter. None of it gets better by trying again.
var (
	ErrUnknownMessage = errors.New("mail: there is no such message")
	ErrIncomplete     = errors.New("mail: the letter lacks what its message is about")
)

// ErrPermanent is what a delivery failed with that no retry will mend: the server refused the recipient or the content
// for good. Every other error of Send is worth a retry.
var ErrPermanent = errors.New("mail: refused for good")

// Letter is one message to one address, before it is rendered.
type Letter struct {
	ID       uuid.UUID // of the letter, the same when it is sent again, for its Message-ID; may be zero
	Message  Message
	To       string    // the address as it is stored
	Name     string    // the user's, if To is known to be theirs; a greeting has it where it looks like a name; may be empty
	Locale   string    // BCP 47; English where we don't speak it
	Timezone string    // IANA; UTC where there is none of this name
	Link     string    // may be empty
	Code     string    // may be empty
	Expires  time.Time // when link and code end, or the account does; may be zero without a link and a code
	At       time.Time // when what it is about happened; may be zero
	Device   string    // the User-Agent of who did it; may be empty
	Address  string    // the IP address of who did it; may be empty
}

// check finds what the letter can't be understood without.
func (l Letter) check() error {
	expires := l.Message.isToAct() || l.Message == AccountDeletion
	switch {
	case !slices.Contains(Messages(), l.Message):
		return fmt.Errorf("%w: %q", ErrUnknownMessage, l.Message)
	case l.To == "":
		return fmt.Errorf("%w: %s has no recipient", ErrIncomplete, l.Message)
	case l.Message.isToAct() && l.Link == "" && l.Code == "":
		return fmt.Errorf("%w: %s has neither a link nor a code", ErrIncomplete, l.Message)
	case expires && l.Expires.IsZero():
		return fmt.Errorf("%w: %s does not say until when", ErrIncomplete, l.Message)
	case l.Link != "" && !isLink(l.Link):
		return fmt.Errorf("%w: %s has a link that nobody can follow", ErrIncomplete, l.Message)
	default:
		return nil
	}
}

// isLink knows the address of a page, and one that an app opens.
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

// Rendered is a letter as it is sent.
type Rendered struct {
	ID      uuid.UUID
	To      string
	Subject string
	Text    string
	HTML    string
	Links   []string
	Code    string
}

// Sender delivers rendered letters. Its errors hold no password and nothing of the letter; those that no retry mends are
// ErrPermanent.
type Sender interface {
	Send(ctx context.Context, letter Rendered) error
}

// Nobody is the Sender of a service that sends no mail.
type Nobody struct{}

// Send does nothing.
func (Nobody) Send(context.Context, Rendered) error { return nil }
