package controllers

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/models"
	"latchkey/problems"
)

// The codes of faults that are found before any rule of the domain is asked.
const (
	CodeUnknownField = "unknown_field"
	CodeReadOnly     = "read_only"
	CodeInvalidType  = "invalid_type"
)

// readOnly is the type of a request's field that the API shows but lets nobody set.
type readOnly struct{}

// bind reads the request's body into request, a pointer to a struct of string, *string and readOnly fields with json
// tags. The body must be one JSON object as RFC 8259 has it, in UTF-8, without duplicate names. Members that the struct
// does not have, wrong types and missing fields tagged bind:"required" come back together as a *models.ValidationError;
// a body that is no such object is one of middleware's errors.
func bind(c *gin.Context, request any) error {
	members, err := readObject(c.Request)
	if err != nil {
		return err
	}
	faults := assign(reflect.ValueOf(request).Elem(), members)
	if len(faults) > 0 {
		return &models.ValidationError{Errors: faults}
	}
	return nil
}

func readObject(r *http.Request) (map[string]jsontext.Value, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" || r.Header.Get("Content-Encoding") != "" {
		return nil, problems.ErrUnsupportedMediaType
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, problems.ErrBodyTooLarge
	}
	if err != nil {
		return nil, problems.ErrMalformedJSON
	}
	var members map[string]jsontext.Value
	// The parser's own error quotes the body, so it goes no further.
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return nil, problems.ErrMalformedJSON
	}
	return members, nil
}

// assign moves members into the fields of target and empties members. Faults come in the order of the fields.
func assign(target reflect.Value, members map[string]jsontext.Value) []models.FieldError {
	var faults []models.FieldError
	for _, declared := range reflect.VisibleFields(target.Type()) {
		name := declared.Tag.Get("json")
		if declared.Anonymous {
			continue
		}
		value, given := members[name]
		delete(members, name)
		switch {
		case given:
			faults = append(faults, decode(target.FieldByIndex(declared.Index), name, value)...)
		case declared.Tag.Get("bind") == "required":
			faults = append(faults, models.FieldError{
				Field: name, Code: models.CodeRequired, Message: "This field is required.",
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		faults = append(faults, models.FieldError{
			Field: printable(name), Code: CodeUnknownField, Message: "This request has no such field.",
		})
	}
	return faults
}

// decode puts one member into its field; at most one fault comes back.
func decode(field reflect.Value, name string, value jsontext.Value) []models.FieldError {
	fault := models.FieldError{Field: name}
	if field.Type() == reflect.TypeFor[readOnly]() {
		fault.Code, fault.Message = CodeReadOnly, "This field can't be changed."
		return []models.FieldError{fault}
	}
	var text string
	switch {
	case value.Kind() != '"' || json.Unmarshal(value, &text) != nil:
		fault.Code, fault.Message = CodeInvalidType, "This field must be a string."
		return []models.FieldError{fault}
	case strings.ContainsRune(text, 0):
		fault.Code, fault.Message = models.CodeInvalidCharacters, "This field may not contain NUL characters."
		return []models.FieldError{fault}
	case field.Kind() == reflect.Pointer:
		field.Set(reflect.ValueOf(&text))
	default:
		field.SetString(text)
	}
	return nil
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// printable keeps what a client typed into the place of a name, which may be a secret, out of the answer.
func printable(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return "(unknown)"
}
