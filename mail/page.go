package mail

import (
	"fmt"
	"html/template"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// page is what a template sees of a message: facts, the link and the code, and the sentences of its language.
type page struct {
	facts
	Language language.Tag
	Link     template.URL // checked by Message.check; empty without a link
	Code     string

	kind      Kind
	localizer *i18n.Localizer
}

// facts are what a sentence may name. Each may be empty, apart from Service.
type facts struct {
	Service     string
	Name        string
	Expires     string
	CodeExpires string
	At          string
	Device      string
	Address     string
	Account     string
}

// page makes the page of a message. Of what strangers typed it has the harmless parts alone.
func (t *Templates) page(message Message, sentences *i18n.Bundle) (page, error) {
	translation := t.translationFor(message.Locale)
	made := page{
		Language: translation.tag, Code: message.Code, kind: message.Kind,
		Link:      template.URL(message.Link), //nolint:gosec // Message.check has looked at it
		localizer: i18n.NewLocalizer(sentences, translation.tag.String()),
	}
	expires, err := made.moment(message.Expires, message.Timezone, translation)
	if err != nil {
		return page{}, err
	}
	codeExpires, err := made.moment(message.CodeExpires, message.Timezone, translation)
	if err != nil {
		return page{}, err
	}
	at, err := made.moment(message.At, message.Timezone, translation)
	if err != nil {
		return page{}, err
	}
	made.facts = facts{
		Service: t.service, Expires: expires, CodeExpires: codeExpires, At: at,
		Device: sanitizeUserAgent(message.UserAgent), Address: sanitizeIP(message.IP),
		Account: message.Account,
	}
	if !message.Kind.isForStrangers() {
		made.Name = sanitizeName(message.Name)
	}
	return made, nil
}

// moment writes a time as people of the language do, in the time zone. A zero time is empty.
func (p page) moment(t time.Time, timezone string, translation translation) (string, error) {
	if t.IsZero() {
		return "", nil
	}
	t = t.In(zone(timezone))
	return p.sentence("common.date_time", map[string]string{
		"Date": translation.dates.FmtDateLong(t), "Time": t.Format(translation.clock), "Zone": offset(t),
	})
}

// T is the sentence of this id.
func (p page) T(id string) (string, error) { return p.sentence(id, p.facts) }

// Subject is the message's subject, which is also its heading.
func (p page) Subject() (string, error) { return p.T(string(p.kind) + ".subject") }

// Button is what the link is called.
func (p page) Button() (string, error) { return p.T(string(p.kind) + ".button") }

// Greeting is the first line.
func (p page) Greeting() (string, error) {
	if p.Name == "" {
		return p.T("common.greeting_nameless")
	}
	return p.T("common.greeting")
}

func (p page) sentence(id string, data any) (string, error) {
	sentence, err := p.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
	if err != nil {
		return "", fmt.Errorf("mail: the sentence %s in %s: %w", id, p.Language, err)
	}
	return sentence, nil
}
