package mail

import (
	"fmt"
	"html/template"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// page is what a template sees of a letter: facts, the link and the code, and the sentences of its language.
type page struct {
	facts
	Language language.Tag
	Link     template.URL // checked by Letter.check; empty without a link
	Code     string

	message   Message
	localizer *i18n.Localizer
}

// facts are what a sentence may name. Each may be empty, apart from Service.
type facts struct {
	Service string
	Name    string
	Expires string
	At      string
	Device  string
	Address string
}

// page makes the page of a letter. Of what strangers typed it has the harmless parts alone.
func (t *Templates) page(letter Letter) (page, error) {
	speech := t.speech(letter.Locale)
	made := page{
		Language: speech.tag, Code: letter.Code, message: letter.Message,
		Link:      template.URL(letter.Link), //nolint:gosec // Letter.check has looked at it
		localizer: i18n.NewLocalizer(t.sentences, speech.tag.String()),
	}
	expires, err := made.moment(letter.Expires, letter.Timezone, speech)
	if err != nil {
		return page{}, err
	}
	at, err := made.moment(letter.At, letter.Timezone, speech)
	if err != nil {
		return page{}, err
	}
	made.facts = facts{
		Service: t.service, Expires: expires, At: at,
		Device: harmlessDevice(letter.Device), Address: harmlessAddress(letter.Address),
	}
	if !letter.Message.isForStrangers() {
		made.Name = harmlessName(letter.Name)
	}
	return made, nil
}

// moment writes a time as people of the language do, in the time zone. A zero time is empty.
func (p page) moment(t time.Time, timezone string, speech speech) (string, error) {
	if t.IsZero() {
		return "", nil
	}
	t = t.In(zone(timezone))
	return p.sentence("common.date_time", map[string]string{
		"Date": speech.dates.FmtDateLong(t), "Time": t.Format(speech.clock), "Zone": offset(t),
	})
}

// T is the sentence of this id.
func (p page) T(id string) (string, error) { return p.sentence(id, p.facts) }

// Subject is the letter's subject, which is also its heading.
func (p page) Subject() (string, error) { return p.T(string(p.message) + ".subject") }

// Button is what the link is called.
func (p page) Button() (string, error) { return p.T(string(p.message) + ".button") }

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
