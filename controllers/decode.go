package controllers

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/models"
)

// The codes of field errors that are found before any rule of the domain is asked.
const (
	CodeUnknownField = "unknown_field"
	CodeReadOnly     = "read_only"
	CodeInvalidType  = "invalid_type"
)

// readOnly is the type of a request's field that the API shows but lets nobody set.
type readOnly struct{}

// assign moves members into the fields of target, by their json tags, and empties members. A member that is null counts as
// missing. The errors are in the order of the fields.
func assign(target reflect.Value, members map[string]jsontext.Value) []models.FieldError {
	var invalid []models.FieldError
	for _, declared := range reflect.VisibleFields(target.Type()) {
		name := declared.Tag.Get("json")
		if declared.Anonymous {
			continue
		}
		value := members[name]
		delete(members, name)
		isGiven := value != nil && value.Kind() != 'n'
		switch {
		case isGiven:
			invalid = append(invalid, decode(target.FieldByIndex(declared.Index), name, value)...)
		case declared.Tag.Get("bind") == "required":
			invalid = append(invalid, models.FieldError{
				Field: name, Code: models.CodeRequired, Message: "This field is required.",
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		invalid = append(invalid, unknownField(printable(name)))
	}
	return invalid
}

func unknownField(name string) models.FieldError {
	return models.FieldError{Field: name, Code: CodeUnknownField, Message: "This request has no such field."}
}

// decode puts one value into its field, and returns at most one error. What is inside of a list or an object is as strict:
// names are exact, and nothing may be unknown. An error inside names the way to it, as in "keys.0.name".
func decode(field reflect.Value, name string, value jsontext.Value) []models.FieldError {
	switch {
	case field.Type() == reflect.TypeFor[readOnly]():
		return []models.FieldError{{Field: name, Code: CodeReadOnly, Message: "This field can't be changed."}}
	case hasNUL(value):
		return []models.FieldError{{
			Field: name, Code: models.CodeInvalidCharacters, Message: "This field may not contain NUL characters.",
		}}
	}
	err := json.Unmarshal(value, field.Addr().Interface(), json.RejectUnknownMembers(true))
	wrong := (*json.SemanticError)(nil)
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &wrong):
		return []models.FieldError{invalidType(name, field.Type())}
	}
	for step := range wrong.JSONPointer.Tokens() {
		name += "." + printable(step)
	}
	if errors.Is(err, json.ErrUnknownName) {
		return []models.FieldError{unknownField(name)}
	}
	return []models.FieldError{invalidType(name, wrong.GoType)}
}

func invalidType(name string, wanted reflect.Type) models.FieldError {
	return models.FieldError{Field: name, Code: CodeInvalidType, Message: "This field must be " + describe(wanted) + "."}
}

// describe names the JSON value that a type is read from, for people.
func describe(wanted reflect.Type) string {
	if wanted.Kind() == reflect.Pointer {
		wanted = wanted.Elem()
	}
	switch wanted.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.Map:
		return "an object"
	case reflect.Struct:
		if isText(wanted) {
			return "a date and time, such as 2026-03-01T12:00:00Z"
		}
		return "an object"
	case reflect.Array:
		return "an id"
	default:
		return "a string"
	}
}

// isText reports whether values of a type are written as text, as times and ids are.
func isText(of reflect.Type) bool {
	return of.Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]())
}

// hasNUL reports whether a text anywhere in value has a NUL character, which PostgreSQL can't store.
func hasNUL(value jsontext.Value) bool {
	decoder := jsontext.NewDecoder(bytes.NewReader(value))
	for {
		token, err := decoder.ReadToken()
		if err != nil {
			return !errors.Is(err, io.EOF)
		}
		if token.Kind() == '"' && strings.ContainsRune(token.String(), 0) {
			return true
		}
	}
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// printable keeps what a client typed into the place of a name, which may be a secret, out of the answer.
func printable(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return "(unknown)"
}
