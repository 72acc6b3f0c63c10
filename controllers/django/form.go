package django

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/controllers"
	"latchkey/models"
	"latchkey/problems"
)

// form is a request's body as a serializer of Django REST Framework reads it: JSON or a form. Unknown members are ignored, and
// each invalid field gets one message.
type form struct {
	members map[string]jsontext.Value
	invalid []models.FieldError
}

const (
	notText  = "Not a valid string."
	notEmail = "Enter a valid email address."
)

// read reads the request's body, which may be empty. Errors are problems.ErrBodyTooLarge, problems.ErrMalformedJSON,
// problems.ErrMalformedForm and problems.ErrUnsupportedMediaType, and a *models.ValidationError for JSON that is not an object.
func read(c *gin.Context) (*form, error) {
	body, err := io.ReadAll(c.Request.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, problems.ErrBodyTooLarge
	}
	if err != nil {
		return nil, problems.ErrMalformedJSON
	}
	if len(body) == 0 {
		return &form{}, nil
	}
	mediaType, parameters, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil {
		return nil, problems.ErrUnsupportedMediaType
	}
	switch mediaType {
	case "application/json":
		return readJSON(body)
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, problems.ErrMalformedForm
		}
		return readFields(values)
	case "multipart/form-data":
		parts, err := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]).ReadForm(int64(len(body)))
		if err != nil {
			return nil, problems.ErrMalformedForm
		}
		return readFields(parts.Value) // no field is a file
	}
	return nil, problems.ErrUnsupportedMediaType
}

func readJSON(body []byte) (*form, error) {
	var value jsontext.Value
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, problems.ErrMalformedJSON
	}
	form := &form{}
	if value.Kind() != '{' {
		return nil, notADictionary(value)
	}
	return form, json.Unmarshal(value, &form.members)
}

func notADictionary(value jsontext.Value) error {
	kind := map[jsontext.Kind]string{'[': "list", '"': "str", 't': "bool", 'f': "bool", '0': "int"}[value.Kind()]
	if kind == "int" && bytes.ContainsAny(value, ".eE") {
		kind = "float"
	}
	message := "Invalid data. Expected a dictionary, but got " + kind + "."
	if kind == "" {
		message = "No data provided"
	}
	return &models.ValidationError{Errors: []models.FieldError{{
		Field: "non_field_errors", Code: controllers.CodeInvalidType, Message: message,
	}}}
}

// readFields reads a form. Of several values with one name it reads the last, as Django does.
func readFields(values map[string][]string) (*form, error) {
	form := &form{members: map[string]jsontext.Value{}}
	for name, all := range values {
		text, err := json.Marshal(all[len(all)-1])
		if err != nil {
			return nil, problems.ErrMalformedJSON
		}
		form.members[name] = text
	}
	return form, nil
}

// inner returns the object in a member, or f itself if there is no such member.
func (f *form) inner(name string) (*form, error) {
	if f.members[name] == nil {
		return f, nil
	}
	return readJSON(f.members[name])
}

func (f *form) has(name string) bool { return f.members[name] != nil }

func (f *form) addError(field, code, message string) {
	f.invalid = append(f.invalid, models.FieldError{Field: field, Code: code, Message: message})
}

// required reads a CharField that has to be there and may not be blank. White space around it is dropped.
func (f *form) required(name string) string { return f.need(name, notText) }

// requiredEmail reads an EmailField.
func (f *form) requiredEmail(name string) string {
	email := f.need(name, notEmail)
	if utf8.RuneCountInString(email) > maxEmail {
		f.addError(name, models.CodeInvalid, fmt.Sprintf("Ensure this field has no more than %d characters.", maxEmail))
	} else if _, err := models.CanonicalEmail(email); err != nil && email != "" {
		f.addError(name, models.CodeInvalid, notEmail)
	}
	return email
}

// maxEmail is the maximum length of an EmailField, in characters.
const maxEmail = 254

func (f *form) need(name, notText string) string {
	if !f.has(name) {
		f.addError(name, models.CodeRequired, "This field is required.")
		return ""
	}
	text := f.given(name, notText)
	if text == nil {
		return ""
	}
	return *text
}

// given reads a CharField that may be missing but not blank. It returns nil if the field is missing or invalid.
func (f *form) given(name, notText string) *string {
	text := f.read(name, notText)
	if text != nil && *text == "" {
		f.addError(name, models.CodeRequired, "This field may not be blank.")
		return nil
	}
	return text
}

// optional reads a CharField that may be missing or blank. It returns nil if the field is missing or invalid.
func (f *form) optional(name string) *string { return f.read(name, notText) }

func (f *form) read(name, notText string) *string {
	value := f.members[name]
	if value == nil {
		return nil
	}
	var text string
	switch value.Kind() {
	case 'n':
		f.addError(name, controllers.CodeInvalidType, "This field may not be null.")
		return nil
	case '"':
		if json.Unmarshal(value, &text) != nil {
			return nil
		}
	case '0':
		text = string(value)
	default:
		f.addError(name, controllers.CodeInvalidType, notText)
		return nil
	}
	if strings.ContainsRune(text, 0) {
		f.addError(name, models.CodeInvalidCharacters, "Null characters are not allowed.")
		return nil
	}
	text = strings.TrimSpace(text)
	return &text
}

// err returns a *models.ValidationError, or nil if every field is valid.
func (f *form) err() error {
	if len(f.invalid) == 0 {
		return nil
	}
	return &models.ValidationError{Errors: f.invalid}
}
