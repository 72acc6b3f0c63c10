package controllers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/problems"
)

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, problems.ErrBodyTooLarge
	}
	if err != nil {
		return nil, problems.Because(problems.ErrMalformedJSON, "The body did not arrive in full.")
	}
	return body, nil
}

// parseObject returns the members of the JSON object that a body is.
func parseObject(header http.Header, body []byte) (map[string]jsontext.Value, error) {
	if len(body) == 0 {
		return nil, malformed("The request has no body. Send one JSON object.")
	}
	if err := requireJSON(header); err != nil {
		return nil, err
	}
	var members map[string]jsontext.Value
	// The parser's own error quotes the body, so it is dropped.
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return nil, malformed(diagnose(body, err))
	}
	return members, nil
}

func malformed(detail string) error { return problems.Because(problems.ErrMalformedJSON, detail) }

const sendJSON = " Send JSON, with the header Content-Type: application/json."

// requireJSON returns a problems.ErrUnsupportedMediaType unless a body with this header is JSON as it is. A charset counts for
// nothing (RFC 8259, section 11).
func requireJSON(header http.Header) error {
	unsupported := func(detail string) error { return problems.Because(problems.ErrUnsupportedMediaType, detail) }
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return unsupported("The body has a Content-Encoding" + named(encoding) + ". Send it as it is, without one.")
	}
	given := header.Get("Content-Type")
	mediaType, _, err := mime.ParseMediaType(given)
	switch {
	case given == "":
		return unsupported("The body has no Content-Type." + sendJSON)
	case err != nil:
		return unsupported("The Content-Type can't be parsed." + sendJSON)
	case mediaType == "application/x-www-form-urlencoded" || mediaType == "multipart/form-data":
		return unsupported("The body is a form." + sendJSON)
	case mediaType != "application/json":
		return unsupported("The body has another Content-Type" + named(mediaType) + "." + sendJSON)
	}
	return nil
}

var plainValue = regexp.MustCompile(`^[A-Za-z0-9.+/, -]{1,64}$`)

// named returns a header's value for a sentence, unless it does not look like one.
func named(value string) string {
	if !plainValue.MatchString(value) {
		return ""
	}
	return ", " + value
}

// diagnose returns the sentence that says why a body is not one JSON object. err is that of the parser, nil for null.
func diagnose(body []byte, err error) string {
	switch {
	case bytes.HasPrefix(body, []byte{0x1f, 0x8b}):
		return "The body is compressed. Send it as it is."
	case bytes.HasPrefix(body, []byte{0xff, 0xfe}), bytes.HasPrefix(body, []byte{0xfe, 0xff}),
		bytes.IndexByte(body[:min(len(body), 4)], 0) >= 0:
		return "The body is in UTF-16 or UTF-32. Send it in UTF-8."
	case bytes.HasPrefix(body, []byte("\ufeff")):
		return "The body begins with a byte order mark. Send it without one."
	case !utf8.Valid(body):
		return "The body is not valid UTF-8."
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "A JSON object in the body has two members of the same name."
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(body))
	wrong := (*jsontext.SyntacticError)(nil)
	kind := decoder.PeekKind()
	switch err := decoder.SkipValue(); {
	case errors.Is(err, io.EOF):
		return "The body is blank. Send one JSON object."
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "The JSON in the body ends too early."
	case errors.As(err, &wrong):
		return fmt.Sprintf("The body is not valid JSON: look at byte %d, counted from 0.", wrong.ByteOffset)
	case kind != '{':
		return "The body is valid JSON, but not an object in braces."
	default:
		return "Something follows the JSON object in the body. Send exactly one."
	}
}
