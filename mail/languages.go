package mail

import (
	"fmt"
	"time"
	_ "time/tzdata" // letters are dated in the user's time zone on machines without a database of them too

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/en"
	"github.com/go-playground/locales/es"
	"github.com/go-playground/locales/fr"
	"github.com/go-playground/locales/ja"
	"github.com/go-playground/locales/pt"
	"github.com/go-playground/locales/zh"
	"golang.org/x/text/language"
)

// speech is a language as we write it.
type speech struct {
	tag   language.Tag
	dates locales.Translator
	clock string // as Go's layouts
}

const (
	clock24 = "15:04"
	clock12 = "3:04 pm"
)

// spoken lists the languages. The first is for everybody who speaks none of them.
func spoken() []speech {
	return []speech{
		{language.English, en.New(), clock12},
		{language.German, de.New(), clock24},
		{language.Spanish, es.New(), clock24},
		{language.French, fr.New(), clock24},
		{language.Portuguese, pt.New(), clock24},
		{language.Japanese, ja.New(), clock24},
		{language.SimplifiedChinese, zh.New(), clock24},
	}
}

// file is the name of the file of its sentences.
func (s speech) file() string {
	base, _ := s.tag.Base()
	return base.String() + ".yaml"
}

// Languages are the tags of what letters are written in; the first is the fallback.
func Languages() []language.Tag {
	var tags []language.Tag
	for _, speech := range spoken() {
		tags = append(tags, speech.tag)
	}
	return tags
}

// zone gives the time zone of this name, or UTC.
func zone(name string) *time.Location {
	location, err := time.LoadLocation(name)
	if err != nil || location == time.Local {
		return time.UTC
	}
	return location
}

// offset writes how far t's zone is from UTC, as "UTC+05:30": an abbreviation means other things in other countries.
func offset(t time.Time) string {
	_, seconds := t.Zone()
	switch {
	case seconds == 0:
		return "UTC"
	case seconds%3600 == 0:
		return fmt.Sprintf("UTC%+d", seconds/3600)
	default:
		return t.Format("UTC-07:00")
	}
}
