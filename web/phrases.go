package web

import (
	"embed"
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"latchkey/mail"
)

//go:embed phrases
var phraseFiles embed.FS

// phrases are the texts of the pages, in the languages of emails. They are safe for concurrent use.
type phrases struct {
	bundle    *i18n.Bundle
	languages []language.Tag
	matcher   language.Matcher
}

func newPhrases() (*phrases, error) {
	languages := mail.Languages()
	bundle := i18n.NewBundle(languages[0])
	for _, tag := range languages {
		base, _ := tag.Base()
		name := "phrases/" + base.String() + ".yaml"
		content, err := phraseFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		if _, err := bundle.ParseMessageBytes(tag, content, yaml.Unmarshal); err != nil {
			return nil, fmt.Errorf("web: %s: %w", name, err)
		}
	}
	return &phrases{bundle: bundle, languages: languages, matcher: language.NewMatcher(languages)}, nil
}

// localizer returns phrases in one language.
type localizer struct {
	Language language.Tag
	phrases  *i18n.Localizer
}

// localizer returns the localizer for the value of an Accept-Language header (RFC 9110, section 12.5.4), which is in English
// if none of the languages matches.
func (p *phrases) localizer(accepted string) localizer {
	_, index := language.MatchStrings(p.matcher, accepted)
	tag := p.languages[index]
	return localizer{Language: tag, phrases: i18n.NewLocalizer(p.bundle, tag.String())}
}

// localize returns the phrase with this id, rendered with data. If there is no such phrase, it returns the result of fallback
// or, if that is nil, an error.
func (l localizer) localize(id string, data any, fallback func() (string, error)) (string, error) {
	phrase, err := l.phrases.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
	var missing *i18n.MessageNotFoundErr
	switch {
	case err == nil:
		return phrase, nil
	case errors.As(err, &missing) && fallback != nil:
		return fallback()
	default:
		return "", fmt.Errorf("web: the phrase %s in %s: %w", id, l.Language, err)
	}
}
