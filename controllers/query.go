package controllers

import (
	"net/url"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/models"
	"latchkey/problems"
)

// BindQuery reads the request's query parameters into request, a pointer to a struct as Bind takes it. A list takes a parameter
// that is repeated, every other type a parameter that is given once. The error is a *models.ValidationError with an error for
// each invalid parameter, or problems.ErrMalformedQuery if the query is not percent-encoded UTF-8.
func BindQuery(c *gin.Context, request any) error {
	parameters, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil || !isUTF8(parameters) {
		return problems.ErrMalformedQuery
	}
	target := reflect.ValueOf(request).Elem()
	members := map[string]jsontext.Value{}
	for name, texts := range parameters {
		members[name] = asJSON(fieldType(target.Type(), name), texts)
	}
	if invalid := assign(target, members); len(invalid) > 0 {
		return &models.ValidationError{Errors: invalid}
	}
	return nil
}

// fieldType returns the type of the field with this json tag, or nil.
func fieldType(of reflect.Type, name string) reflect.Type {
	for _, declared := range reflect.VisibleFields(of) {
		if !declared.Anonymous && declared.Tag.Get("json") == name {
			return declared.Type
		}
	}
	return nil
}

// asJSON returns the values of a parameter as the JSON value that its field is read from. Values that do not fit become a list or
// a string, which decode refuses.
func asJSON(wanted reflect.Type, texts []string) jsontext.Value {
	if wanted != nil && wanted.Kind() == reflect.Pointer {
		wanted = wanted.Elem()
	}
	if wanted != nil && wanted.Kind() == reflect.Slice {
		list := make([]jsontext.Value, len(texts))
		for i, text := range texts {
			list[i] = asJSON(wanted.Elem(), []string{text})
		}
		return marshal(list)
	}
	if len(texts) != 1 {
		return marshal(texts)
	}
	if wanted != nil && isNumberOrBool(wanted.Kind()) {
		if value := jsontext.Value(texts[0]); value.IsValid() && value.Kind() != 'n' {
			return value
		}
	}
	return marshal(texts[0])
}

func isNumberOrBool(kind reflect.Kind) bool { return reflect.Bool <= kind && kind <= reflect.Float64 }

func isUTF8(parameters url.Values) bool {
	for _, texts := range parameters {
		if slices.ContainsFunc(texts, func(text string) bool { return !utf8.ValidString(text) }) {
			return false
		}
	}
	return true
}

// marshal encodes strings in UTF-8 and lists of them, which can't fail.
func marshal(value any) jsontext.Value {
	written, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return written
}
