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

// form is a request's body as a serializer of Django REST Framework reads it: JSON or a form, with members that
// nobody asks for left alone, and one message for each field that is not right.
type form struct {
	members map[string]jsontext.Value
	faults  []models.FieldError
}

const (
	notText  = "Not a valid string."
	notEmail = "Enter a valid email address."
)

// read reads a body. One that can't be read is one of middleware's errors.
func read(c *gin.Context) (*form, error) {
	body, err := io.ReadAll(c.Request.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, problems.ErrBodyTooLarge
	}
	if err != nil {
		return nil, problems.ErrMalformedJSON
	}
	if len(bytes.TrimSpace(body)) == 0 {
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
		return readFields(parts.Value) // files are not asked for
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

// readFields takes the last value of a name, as Django does.
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

// inner is the dictionary that a member holds, or the whole if there is no such member.
func (f *form) inner(name string) (*form, error) {
	if f.members[name] == nil {
		return f, nil
	}
	return readJSON(f.members[name])
}

func (f *form) has(name string) bool { return f.members[name] != nil }

func (f *form) fault(field, code, message string) {
	f.faults = append(f.faults, models.FieldError{Field: field, Code: code, Message: message})
}

// required is a CharField: there, and not blank. White space around it does not count.
func (f *form) required(name string) string { return f.need(name, notText) }

// requiredEmail is an EmailField; what is a text is for the manager to judge.
func (f *form) requiredEmail(name string) string {
	email := f.need(name, notEmail)
	if utf8.RuneCountInString(email) > maxEmail {
		f.fault(name, models.CodeInvalid, fmt.Sprintf("Ensure this field has no more than %d characters.", maxEmail))
	}
	return email
}

// maxEmail is the length of an EmailField.
const maxEmail = 254

func (f *form) need(name, notText string) string {
	if !f.has(name) {
		f.fault(name, models.CodeRequired, "This field is required.")
		return ""
	}
	text := f.given(name, notText)
	if text == nil {
		return ""
	}
	return *text
}

// given is a CharField that may be missing and not blank; nil if it is missing or not right.
func (f *form) given(name, notText string) *string {
	text := f.read(name, notText)
	if text != nil && *text == "" {
		f.fault(name, models.CodeRequired, "This field may not be blank.")
		return nil
	}
	return text
}

// optional is a CharField that may be missing or blank; nil if it is missing or not right.
func (f *form) optional(name string) *string { return f.read(name, notText) }

func (f *form) read(name, notText string) *string {
	value := f.members[name]
	if value == nil {
		return nil
	}
	var text string
	switch value.Kind() {
	case 'n':
		f.fault(name, controllers.CodeInvalidType, "This field may not be null.")
		return nil
	case '"':
		if json.Unmarshal(value, &text) != nil {
			return nil
		}
	case '0':
		text = string(value)
	default:
		f.fault(name, controllers.CodeInvalidType, notText)
		return nil
	}
	if strings.ContainsRune(text, 0) {
		f.fault(name, models.CodeInvalidCharacters, "Null characters are not allowed.")
		return nil
	}
	text = strings.TrimSpace(text)
	return &text
}

// err is nil if every field was right, and a *models.ValidationError otherwise.
func (f *form) err() error {
	if len(f.faults) == 0 {
		return nil
	}
	return &models.ValidationError{Errors: f.faults}
}
