package controllers

import (
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"

	"latchkey/models"
	"latchkey/tokens"
)

const (
	maxPageSize  = 200
	cursorPrefix = "lkp_"
)

// pageRequest selects one page of a list. It is embedded in the struct that BindQuery reads.
type pageRequest struct {
	Limit  *int   `json:"limit"`
	Cursor string `json:"cursor"`
}

// size returns the maximum number of rows of the page, which is unset if the request has none, or a *models.ValidationError.
func (p pageRequest) size(unset int) (int, error) {
	switch {
	case p.Limit == nil:
		return unset, nil
	case *p.Limit < 1 || *p.Limit > maxPageSize:
		return 0, &models.ValidationError{Errors: []models.FieldError{{
			Field: "limit", Code: models.CodeInvalid, Message: "Must be a number from 1 to 200.",
		}}}
	}
	return *p.Limit, nil
}

// Cursors issues and reads the cursors of lists. A cursor is the position at which the next page begins, sealed so that a client
// can neither read nor forge it.
type Cursors struct {
	keys [][]byte
}

// NewCursors returns Cursors that seal with the first of keys and open with any of them. Each key has 32 bytes.
func NewCursors(keys ...[]byte) *Cursors { return &Cursors{keys: keys} }

// Next returns the cursor of the page after position, which is any value that JSON can represent. scope names the list, its
// filters and its owner; the cursor is invalid for any other scope.
func (c *Cursors) Next(scope string, position any) (string, error) {
	written, err := json.Marshal(position)
	if err != nil {
		return "", err
	}
	sealed, err := tokens.Seal(c.keys[0], written, []byte(scope))
	if err != nil {
		return "", err
	}
	return cursorPrefix + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Read reads the position of a cursor of this scope into position, a pointer. An invalid cursor is a *models.ValidationError of
// the field cursor.
func (c *Cursors) Read(scope, cursor string, position any) error {
	encoded, isOurs := strings.CutPrefix(cursor, cursorPrefix)
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if !isOurs || err != nil || strings.ContainsAny(encoded, "\r\n") { // which the decoder skips
		return invalidCursor()
	}
	written, err := tokens.Open(c.keys, sealed, []byte(scope))
	if err != nil || json.Unmarshal(written, position) != nil {
		return invalidCursor()
	}
	return nil
}

func invalidCursor() error {
	return &models.ValidationError{Errors: []models.FieldError{{
		Field: "cursor", Code: models.CodeInvalid,
		Message: "This cursor is not one of this list with these filters. Start again without one.",
	}}}
}
