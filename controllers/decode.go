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

// The codes of field errors that are found before any rule of the domain is applied.
const (
	CodeUnknownField = "unknown_field"
	CodeReadOnly     = "read_only"
	CodeInvalidType  = "invalid_type"
)

// readOnly is the type of a field that responses show and requests can't set.
type readOnly struct{}

// assign decodes members into the fields of target, by their json tags, and removes them from members. A member that is null
// counts as missing, unless it is one that can't be changed. It returns the errors in the order of the fields, and after them
// those of unknown members.
func assign(target reflect.Value, members map[string]jsontext.Value) []models.FieldError {
	var invalid []models.FieldError
	for _, declared := range reflect.VisibleFields(target.Type()) {
		name := declared.Tag.Get("json")
		if declared.Anonymous {
			continue
		}
		value := members[name]
		delete(members, name)
		isReadOnly := declared.Type == reflect.TypeFor[readOnly]()
		isGiven := value != nil && (value.Kind() != 'n' || isReadOnly)
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

// decode decodes one value into its field, and returns at most one error. Objects inside of the value are read as strictly: names
// must match exactly, and unknown ones are errors. An error inside of the value names its path, as in "keys.0.name".
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

// describe returns the words for the JSON value that a type is read from.
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

// isText reports whether JSON has the values of a type as text, like times and ids.
func isText(of reflect.Type) bool {
	return of.Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]())
}

// hasNUL reports whether any string in value contains a NUL character, which PostgreSQL can't store.
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

// printable returns a member's name for the response, or a placeholder if it does not look like a name: a client may have sent a
// secret in its place.
func printable(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return "(unknown)"
}
