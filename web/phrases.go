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

// phrases are what the pages say, in the languages of letters. They are safe for concurrent use.
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

// speaker says the phrases of one language.
type speaker struct {
	Language  language.Tag
	localizer *i18n.Localizer
}

// speaker is that of the language which a header Accept-Language asks for (RFC 9110, section 12.5.4), or of the fallback.
func (p *phrases) speaker(accepted string) speaker {
	_, index := language.MatchStrings(p.matcher, accepted)
	tag := p.languages[index]
	return speaker{Language: tag, localizer: i18n.NewLocalizer(p.bundle, tag.String())}
}

// say is the phrase of this id, with what it names of facts, or instead if there is no such phrase.
func (s speaker) say(id string, facts any, instead func() (string, error)) (string, error) {
	phrase, err := s.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: facts})
	var missing *i18n.MessageNotFoundErr
	switch {
	case err == nil:
		return phrase, nil
	case errors.As(err, &missing) && instead != nil:
		return instead()
	default:
		return "", fmt.Errorf("web: the phrase %s in %s: %w", id, s.Language, err)
	}
}
