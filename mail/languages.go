package mail

import (
	"fmt"
	"time"
	_ "time/tzdata" // messages are dated in the user's time zone on machines without a database of them too

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

// translation is a language as we write it.
type translation struct {
	tag   language.Tag
	dates locales.Translator
	clock string // as Go's layouts
}

const (
	clock24 = "15:04"
	clock12 = "3:04 pm"
)

// translations returns the languages. The first is for everybody who speaks none of them.
func translations() []translation {
	return []translation{
		{language.English, en.New(), clock12},
		{language.German, de.New(), clock24},
		{language.Spanish, es.New(), clock24},
		{language.French, fr.New(), clock24},
		{language.Portuguese, pt.New(), clock24},
		{language.Japanese, ja.New(), clock24},
		{language.SimplifiedChinese, zh.New(), clock24},
	}
}

// file returns the name of the file of its sentences.
func (s translation) file() string {
	base, _ := s.tag.Base()
	return base.String() + ".yaml"
}

// Languages returns the tags of the languages that messages are written in; the first is the fallback.
func Languages() []language.Tag {
	var tags []language.Tag
	for _, translation := range translations() {
		tags = append(tags, translation.tag)
	}
	return tags
}

// zone returns the time zone of this name, or UTC.
func zone(name string) *time.Location {
	location, err := time.LoadLocation(name)
	if err != nil || location == time.Local {
		return time.UTC
	}
	return location
}

// offset returns how far t's zone is from UTC, as "UTC+05:30": an abbreviation means other things in other countries.
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
