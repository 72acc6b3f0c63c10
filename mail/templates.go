package mail

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"strings"
	text "text/template"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Templates render letters. They are safe for concurrent use.
type Templates struct {
	service   string
	speeches  []speech
	matcher   language.Matcher // of speeches
	sentences *i18n.Bundle
	html      map[Message]*template.Template
	text      map[Message]*text.Template
}

// NewTemplates reads the templates and sentences for letters of the service of this name. A file in the folder overrides
// stands in for ours of the same name; of a file of sentences, those that it has do. What is wrong with one is found here:
// every message is rendered in every language. Empty overrides are none.
func NewTemplates(service, overrides string) (*Templates, error) {
	files, err := readSources(overrides)
	if err != nil {
		return nil, err
	}
	t := &Templates{
		service: service, speeches: spoken(), matcher: language.NewMatcher(Languages()),
		html: map[Message]*template.Template{}, text: map[Message]*text.Template{},
	}
	if t.sentences, err = files.sentences(); err != nil {
		return nil, err
	}
	for _, message := range Messages() {
		if err := t.parse(message, files); err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
	}
	if overrides == "" {
		return t, nil
	}
	return t, t.try()
}

// parse puts the message's content into the layouts.
func (t *Templates) parse(message Message, files sources) error {
	page, err := template.New("layout.html").Parse(files.template("layout.html"))
	if err != nil {
		return err
	}
	plain, err := text.New("layout.txt").Parse(files.template("layout.txt"))
	if err != nil {
		return err
	}
	t.html[message], t.text[message] = page, plain
	if _, err := page.New("content").Parse(files.template(string(message) + ".html")); err != nil {
		return fmt.Errorf("%s.html: %w", message, err)
	}
	if _, err := plain.New("content").Parse(files.template(string(message) + ".txt")); err != nil {
		return fmt.Errorf("%s.txt: %w", message, err)
	}
	return nil
}

// try renders every message in every language, with everything that a letter may have and with nothing that it may lack.
func (t *Templates) try() error {
	soon := time.Unix(0, 0)
	for _, message := range Messages() {
		for _, language := range Languages() {
			full := Letter{
				Message: message, To: "ann@example.com", Name: "Ann", Locale: language.String(), At: soon, Expires: soon,
				Link: "https://example.com/link", Code: "123456", Device: "App/1.0", Address: "192.0.2.1",
			}
			bare := Letter{Message: message, To: full.To, Locale: full.Locale}
			if message.isToAct() {
				bare.Code, bare.Expires = full.Code, soon
			}
			if message == AccountDeletion {
				bare.Expires = soon
			}
			for _, letter := range []Letter{full, bare} {
				if err := t.tryOne(letter); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// tryOne renders a letter, which has to show its link and its code if that is what it is for.
func (t *Templates) tryOne(letter Letter) error {
	rendered, err := t.Render(letter)
	if err != nil || !letter.Message.isToAct() {
		return err
	}
	for name, content := range map[string]string{".txt": rendered.Text, ".html": rendered.HTML} {
		if !strings.Contains(content, letter.Link) || !strings.Contains(content, letter.Code) {
			return fmt.Errorf("mail: %s%s does not show the link and the code", letter.Message, name)
		}
	}
	return nil
}

// Render writes a letter in the language that is closest to its locale, its times in its time zone.
func (t *Templates) Render(letter Letter) (Rendered, error) {
	if err := letter.check(); err != nil {
		return Rendered{}, err
	}
	page, err := t.page(letter)
	if err != nil {
		return Rendered{}, err
	}
	rendered := Rendered{ID: letter.ID, To: letter.To, Code: letter.Code}
	if letter.Link != "" {
		rendered.Links = []string{letter.Link}
	}
	if rendered.Subject, err = page.Subject(); err != nil {
		return Rendered{}, err
	}
	if rendered.Text, err = execute(t.text[letter.Message], page); err != nil {
		return Rendered{}, err
	}
	if rendered.HTML, err = execute(t.html[letter.Message], page); err != nil {
		return Rendered{}, err
	}
	return rendered, nil
}

// execute runs a template of either kind, and takes out the blank lines that its conditions leave.
func execute(layout interface{ Execute(io.Writer, any) error }, page page) (string, error) {
	var written bytes.Buffer
	if err := layout.Execute(&written, page); err != nil {
		return "", fmt.Errorf("mail: %s in %s: %w", page.message, page.Language, err)
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

// speech finds the language that is closest to a locale.
func (t *Templates) speech(locale string) speech {
	const maxLength = 35 // RFC 5646, section 4.4.1
	if len(locale) > maxLength {
		return t.speeches[0]
	}
	tag, err := language.Parse(locale)
	if err != nil {
		return t.speeches[0]
	}
	_, index, confidence := t.matcher.Match(tag)
	if confidence == language.No {
		return t.speeches[0]
	}
	return t.speeches[index]
}
