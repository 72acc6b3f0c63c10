package mail

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	text "text/template"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Templates render messages. They are safe for concurrent use.
type Templates struct {
	service      string
	translations []translation
	matcher      language.Matcher // of translations
	written      func() (written, error)
}

// written is what is written in the files: sentences, and the templates of each message.
type written struct {
	sentences *i18n.Bundle
	html      map[Kind]*template.Template
	text      map[Kind]*text.Template
}

// NewTemplates returns the templates for messages of the service of this name. A file in the folder overrides stands in
// for ours of the same name; of a file of sentences, those that it has do. What is wrong with one is found here: every
// message is rendered in every language. Overrides may be empty; ours alone are read for the first message.
func NewTemplates(service, overrides string) (*Templates, error) {
	t := &Templates{
		service: service, translations: translations(), matcher: language.NewMatcher(Languages()),
		written: sync.OnceValues(func() (written, error) { return readWritten(overrides) }),
	}
	if overrides == "" {
		return t, nil
	}
	if _, err := t.written(); err != nil {
		return nil, err
	}
	return t, t.try()
}

func readWritten(overrides string) (written, error) {
	w := written{html: map[Kind]*template.Template{}, text: map[Kind]*text.Template{}}
	files, err := readSources(overrides)
	if err != nil {
		return w, err
	}
	if w.sentences, err = files.sentences(); err != nil {
		return w, err
	}
	for _, kind := range Kinds() {
		if err := w.parse(kind, files); err != nil {
			return w, fmt.Errorf("mail: %w", err)
		}
	}
	return w, nil
}

// parse puts the message's content into the layouts.
func (w written) parse(kind Kind, files sources) error {
	page, err := template.New("layout.html").Parse(files.template("layout.html"))
	if err != nil {
		return err
	}
	plain, err := text.New("layout.txt").Parse(files.template("layout.txt"))
	if err != nil {
		return err
	}
	w.html[kind], w.text[kind] = page, plain
	if _, err := page.New("content").Parse(files.template(string(kind) + ".html")); err != nil {
		return fmt.Errorf("%s.html: %w", kind, err)
	}
	if _, err := plain.New("content").Parse(files.template(string(kind) + ".txt")); err != nil {
		return fmt.Errorf("%s.txt: %w", kind, err)
	}
	return nil
}

// try renders every message in every language, with everything that a message may have and with nothing that it may lack.
func (t *Templates) try() error {
	soon := time.Unix(0, 0)
	for _, kind := range Kinds() {
		for _, language := range Languages() {
			full := Message{
				Kind: kind, To: "ann@example.com", Name: "Ann", Locale: language.String(), At: soon, Expires: soon,
				Link: "https://example.com/link", Code: "123456", CodeExpires: soon, UserAgent: "App/1.0", IP: "192.0.2.1",
				Account: "a•••@e•••",
			}
			bare := Message{Kind: kind, To: full.To, Locale: full.Locale}
			if kind.isToAct() {
				bare.Code, bare.Expires = full.Code, soon
			}
			if kind == AccountDeletion {
				bare.Expires = soon
			}
			for _, message := range []Message{full, bare} {
				if err := t.tryOne(message); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// tryOne renders a message, which has to show its link and its code if that is what it is for.
func (t *Templates) tryOne(message Message) error {
	rendered, err := t.Render(message)
	if err != nil || !message.Kind.isToAct() {
		return err
	}
	for name, content := range map[string]string{".txt": rendered.Text, ".html": rendered.HTML} {
		if !strings.Contains(content, message.Link) || !strings.Contains(content, message.Code) {
			return fmt.Errorf("mail: %s%s does not show the link and the code", message.Kind, name)
		}
	}
	return nil
}

// Render writes a message in the language that is closest to its locale, its times in its time zone.
func (t *Templates) Render(message Message) (Email, error) {
	if err := message.check(); err != nil {
		return Email{}, err
	}
	written, err := t.written()
	if err != nil {
		return Email{}, err
	}
	page, err := t.page(message, written.sentences)
	if err != nil {
		return Email{}, err
	}
	rendered := Email{ID: message.ID, To: message.To, Code: message.Code}
	if message.Link != "" {
		rendered.Links = []string{message.Link}
	}
	if rendered.Subject, err = page.Subject(); err != nil {
		return Email{}, err
	}
	if rendered.Text, err = execute(written.text[message.Kind], page); err != nil {
		return Email{}, err
	}
	if rendered.HTML, err = execute(written.html[message.Kind], page); err != nil {
		return Email{}, err
	}
	return rendered, nil
}

// execute runs a template of either kind, and takes out the blank lines that its conditions leave.
func execute(layout interface{ Execute(io.Writer, any) error }, page page) (string, error) {
	var written bytes.Buffer
	if err := layout.Execute(&written, page); err != nil {
		return "", fmt.Errorf("mail: %s in %s: %w", page.kind, page.Language, err)
	}
	var lines []string
	for line := range strings.Lines(written.String()) {
		line = strings.TrimRight(line, " \t\r\n")
		if line != "" || len(lines) > 0 && lines[len(lines)-1] != "" {
			lines = append(lines, line)
		}
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n", nil
}

// translation finds the language that is closest to a locale.
func (t *Templates) translationFor(locale string) translation {
	const maxLength = 35 // RFC 5646, section 4.4.1
	if len(locale) > maxLength {
		return t.translations[0]
	}
	tag, err := language.Parse(locale)
	if err != nil {
		return t.translations[0]
	}
	_, index, confidence := t.matcher.Match(tag)
	if confidence == language.No {
		return t.translations[0]
	}
	return t.translations[index]
}
