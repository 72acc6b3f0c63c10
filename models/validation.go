package models

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Codes of a FieldError that apply to more than one field. They are part of the API: a client branches on them.
const (
	CodeRequired          = "required"
	CodeIncorrect         = "incorrect"
	CodeInvalid           = "invalid"
	CodeInvalidCharacters = "invalid_characters"
	CodeTaken             = "taken"
	CodeTooLong           = "too_long"
)

// FieldError is one fault in one named field of an input. Message is a sentence for people; it never repeats the value.
type FieldError struct {
	Field   string
	Code    string
	Message string
}

// ValidationError is an input that breaks rules, with every fault found.
type ValidationError struct {
	Errors []FieldError
}

// Error lists every fault as "field: message", separated by semicolons.
func (e *ValidationError) Error() string {
	faults := make([]string, len(e.Errors))
	for i, fault := range e.Errors {
		faults[i] = fault.Field + ": " + fault.Message
	}
	return strings.Join(faults, "; ")
}

// faults collects field errors until every rule has been looked at.
type faults []FieldError

func (f *faults) add(field, code, message string) {
	*f = append(*f, FieldError{Field: field, Code: code, Message: message})
}

// err is nil when nothing was added, and a *ValidationError otherwise.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return &ValidationError{Errors: f}
}

const maxNameLength = 150

// name gives back value without the white space around it. It faults one that is longer than the column or holds
// characters that no name has.
func (f *faults) name(field, value string) string {
	value = strings.TrimSpace(value)
	switch {
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		f.add(field, CodeInvalidCharacters, "This field may not contain control characters.")
	case utf8.RuneCountInString(value) > maxNameLength:
		f.add(field, CodeTooLong, fmt.Sprintf("Use at most %d characters.", maxNameLength))
	}
	return value
}

// locale gives back a language tag in its canonical spelling (BCP 47), or nothing for nothing.
func (f *faults) locale(field, value string) string {
	known := knownLocale(value)
	if value != "" && known == "" {
		f.add(field, CodeInvalid, "Write a language tag, such as en or pt-BR.")
	}
	return known
}

const maxLocaleLength = 35 // RFC 5646, section 4.4.1

// knownLocale is the canonical spelling of a language tag, or nothing for what is none.
func knownLocale(value string) string {
	if len(value) > maxLocaleLength {
		return ""
	}
	tag, err := language.Parse(value)
	if err != nil || tag == language.Und || len(tag.String()) > maxLocaleLength {
		return ""
	}
	return tag.String()
}

const maxTimezoneLength = 64

// timezone gives back the name of a time zone of the IANA database, or nothing for nothing.
func (f *faults) timezone(field, value string) string {
	known := knownTimezone(value)
	if value != "" && known == "" {
		f.add(field, CodeInvalid, "Write the name of a time zone, such as Europe/Berlin.")
	}
	return known
}

// knownTimezone is the name of a time zone, or nothing for what is none.
func knownTimezone(value string) string {
	_, err := time.LoadLocation(value)
	if err != nil || value == "Local" || len(value) > maxTimezoneLength {
		return ""
	}
	return value
}
