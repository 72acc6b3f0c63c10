package controllers

import (
	"net/http"
	"reflect"

	"github.com/gin-gonic/gin"

	"latchkey/models"
)

// Bind reads the request's body into request, a pointer to a struct with json tags whose fields may have any type that JSON can
// be read into. The body must be one JSON object (RFC 8259), in UTF-8, without duplicate names; a member that is null counts as
// missing. Members that the struct does not have, wrong types and missing fields tagged bind:"required" are returned together as
// a *models.ValidationError. If the body is not such an object, the error is problems.ErrMalformedJSON,
// problems.ErrUnsupportedMediaType or problems.ErrBodyTooLarge,
// with a sentence that names the cause.
func Bind(c *gin.Context, request any) error {
	body, err := readBody(c.Request)
	if err != nil {
		return err
	}
	return bind(c.Request, body, request)
}

// BindOptional is Bind for a body that may be left out, however an empty one is framed. The request then stays as it is.
func BindOptional(c *gin.Context, request any) error {
	body, err := readBody(c.Request)
	if err != nil || len(body) == 0 {
		return err
	}
	return bind(c.Request, body, request)
}

func bind(r *http.Request, body []byte, request any) error {
	members, err := parseObject(r.Header, body)
	if err != nil {
		return err
	}
	if invalid := assign(reflect.ValueOf(request).Elem(), members); len(invalid) > 0 {
		return &models.ValidationError{Errors: invalid}
	}
	return nil
}
