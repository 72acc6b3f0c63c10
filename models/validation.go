package models

import (
	"fmt"
	"strings"
	"time"
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
	CodeUndeliverable     = "undeliverable"
)

// FieldError is what is wrong with one named field of an input. Message is a sentence for people; it never repeats the value.
type FieldError struct {
	Field   string
	Code    string
	Message string
}

// ValidationError is an input that breaks rules, with every field error that was found.
type ValidationError struct {
	Errors []FieldError
}

// Error lists every field error as "field: message", separated by semicolons.
func (e *ValidationError) Error() string {
	lines := make([]string, len(e.Errors))
	for i, err := range e.Errors {
		lines[i] = err.Field + ": " + err.Message
	}
	return strings.Join(lines, "; ")
}

// fieldErrors collects field errors until every rule has been checked.
type fieldErrors []FieldError

func (e *fieldErrors) add(field, code, message string) {
	*e = append(*e, FieldError{Field: field, Code: code, Message: message})
}

// err returns nil if nothing was added, and a *ValidationError otherwise.
func (e fieldErrors) err() error {
	if len(e) == 0 {
		return nil
	}
	return &ValidationError{Errors: e}
}

const maxNameLength = 150

// name returns value without invisible characters and the white space around it. It adds an error if that is longer than the
// column or holds control characters.
func (e *fieldErrors) name(field, value string) string {
	isText := utf8.ValidString(value)
	if isText {
		value = strings.TrimSpace(dropInvisible(value))
	}
	switch {
	case !isText || strings.ContainsFunc(value, isControl):
		e.add(field, CodeInvalidCharacters, "This field may not contain control characters.")
	case utf8.RuneCountInString(value) > maxNameLength:
		e.add(field, CodeTooLong, fmt.Sprintf("Use at most %d characters.", maxNameLength))
	}
	return value
}

// locale returns a language tag in its canonical spelling (BCP 47), or "" for "". It adds an error for anything else.
func (e *fieldErrors) locale(field, value string) string {
	known := knownLocale(value)
	if value != "" && known == "" {
		e.add(field, CodeInvalid, "Enter a language tag, such as en or pt-BR.")
	}
	return known
}

const maxLocaleLength = 35 // RFC 5646, section 4.4.1

// knownLocale returns the canonical spelling of a language tag, or "" if value is not one.
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

// timezone returns the name of a time zone of the IANA database, or "" for "". It adds an error for anything else.
func (e *fieldErrors) timezone(field, value string) string {
	known := knownTimezone(value)
	if value != "" && known == "" {
		e.add(field, CodeInvalid, "Enter the name of a time zone, such as Europe/Berlin.")
	}
	return known
}

// knownTimezone returns value if it is the name of a time zone, or "" otherwise.
func knownTimezone(value string) string {
	_, err := time.LoadLocation(value)
	if err != nil || value == "Local" || len(value) > maxTimezoneLength {
		return ""
	}
	return value
}
