package controllers

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/models"
	"latchkey/problems"
)

// Bind reads the request's body into request, a pointer to a struct with json tags whose fields may have any type that JSON can
// be read into. The body must be one JSON object (RFC 8259), in UTF-8, without duplicate names; a member that is null counts as
// missing. Members that the struct does not have, wrong types and missing fields tagged bind:"required" are returned together as
// a *models.ValidationError. If the body is not such an object, the error is problems.ErrMalformedJSON,
// problems.ErrUnsupportedMediaType or problems.ErrBodyTooLarge.
func Bind(c *gin.Context, request any) error {
	members, err := readObject(c.Request)
	if err != nil {
		return err
	}
	if invalid := assign(reflect.ValueOf(request).Elem(), members); len(invalid) > 0 {
		return &models.ValidationError{Errors: invalid}
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
	// The parser's own error quotes the body, so it is dropped.
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return nil, problems.ErrMalformedJSON
	}
	return members, nil
}
