package importer

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/models"
)

var (
	// ErrNotADump means that a text is not what manage.py dumpdata writes.
	ErrNotADump = errors.New("this is not the output of manage.py dumpdata")
	// ErrNoUsers means that a dump has no user of the requested model, or several models of users.
	ErrNoUsers = errors.New("the dump has no model of users")
	// ErrNoKeys means that a dump leaves out the primary keys, by which a later import recognizes the accounts.
	ErrNoKeys = errors.New("the dump has no primary keys; make it without --natural-primary")
)

// dumpedObject is one object of a dump. Number counts the objects from 1 on.
type dumpedObject struct {
	Model  string                    `json:"model"`
	Key    jsontext.Value            `json:"pk"`
	Fields map[string]jsontext.Value `json:"fields"`

	number int
	isOdd  bool // it has another shape than an object of a dump
}

// table returns the name that Django gives the table of the object's model.
func (o dumpedObject) table() string { return strings.ReplaceAll(o.Model, ".", "_") }

// ReadDump reads the output of manage.py dumpdata, as one JSON array or as one JSON object per line, and calls visit with each
// user: each object of the model whose table is called table or, if that is empty, of the one model that has both a password
// and a last login, or else of the one that has an email and a password. Which fields a single object lacks does not matter.
// It keeps at most maxWaiting objects in memory, until it is known which model that is. It returns ErrNotADump, ErrNoUsers,
// ErrNoKeys, ErrNoColumn, or the first error of input or visit.
func ReadDump(input io.Reader, table string, columns Columns, visit func(models.ExternalAccount) error) error {
	text, err := inUTF8(input)
	if err != nil {
		return err
	}
	decoder := jsontext.NewDecoder(text, readLeniently())
	var closing jsontext.Kind
	if decoder.PeekKind() == '[' {
		closing = ']'
		if _, err := decoder.ReadToken(); err != nil {
			return fmt.Errorf("%w: %w", ErrNotADump, withoutText(err))
		}
	}
	d := dump{table: table, columns: columns, visit: visit}
	for !slices.Contains([]jsontext.Kind{0, ']', '}'}, decoder.PeekKind()) {
		object, err := decoder.ReadValue()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNotADump, withoutText(err))
		}
		if err := d.object(object); err != nil {
			return err
		}
	}
	if err := atEnd(decoder, closing); err != nil {
		return err
	}
	return d.end()
}

// atEnd checks that the dump is complete: one that was cut short must not look like a small one. Closing is the bracket that
// comes first, or 0.
func atEnd(decoder *jsontext.Decoder, closing jsontext.Kind) error {
	token, err := decoder.ReadToken()
	if closing != 0 && (err != nil || token.Kind() != closing) {
		return fmt.Errorf("%w: %w", ErrNotADump, errors.Join(errCutShort, withoutText(err)))
	}
	if closing != 0 {
		_, err = decoder.ReadToken()
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", ErrNotADump, errCutShort)
	}
	return nil
}

var errCutShort = errors.New("it does not end where it should")

// withoutText returns what is wrong and where, for an error of the parser. The parser's own words may quote the text, and with it
// a hash.
func withoutText(err error) error {
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errCutShort
	case errors.As(err, &syntactic):
		return fmt.Errorf("it is not JSON at byte %d", syntactic.ByteOffset)
	case errors.As(err, &semantic):
		return fmt.Errorf("a value has another type than expected at byte %d", semantic.ByteOffset)
	}
	return err
}

// plain returns a JSON value as [Columns.Account] takes it: nil, bool, int64 or string, and lists and objects as they are.
func plain(value jsontext.Value) any {
	if len(value) == 0 {
		return nil
	}
	switch kind := value.Kind(); kind {
	case 'n':
		return nil
	case 't', 'f':
		return kind == 't'
	case '0':
		if whole, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			return whole
		}
		return string(value)
	case '"':
		var text string
		if err := json.Unmarshal(value, &text, readLeniently()); err == nil {
			return text
		}
		return value
	default:
		return value
	}
}
