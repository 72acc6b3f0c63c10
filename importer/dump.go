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

// dumpedObject is one object of a dump.
type dumpedObject struct {
	Model  string                    `json:"model"`
	Key    jsontext.Value            `json:"pk"`
	Fields map[string]jsontext.Value `json:"fields"`
}

// ReadDump reads the output of manage.py dumpdata, as one JSON array or as one JSON object per line, and calls visit with each
// user. Users are the objects of the model whose table is called table or, if that is empty, of the one model that has both a
// password and a last login. It keeps one object in memory at a time. It returns ErrNotADump, ErrNoUsers, ErrNoKeys,
// ErrNoColumn, or the first error of input or visit.
func ReadDump(input io.Reader, table string, columns Columns, visit func(models.ExternalAccount) error) error {
	decoder := jsontext.NewDecoder(input)
	var closing jsontext.Kind
	if decoder.PeekKind() == '[' {
		closing = ']'
		if _, err := decoder.ReadToken(); err != nil {
			return fmt.Errorf("%w: %w", ErrNotADump, withoutText(err))
		}
	}
	d := dump{table: table, columns: columns, visit: visit}
	for decoder.PeekKind() == '{' {
		var object dumpedObject
		if err := json.UnmarshalDecode(decoder, &object); err != nil {
			return fmt.Errorf("%w: %w", ErrNotADump, withoutText(err))
		}
		if err := d.object(object); err != nil {
			return err
		}
	}
	if err := atEnd(decoder, closing); err != nil {
		return err
	}
	if d.found == "" {
		return fmt.Errorf("%w%s", ErrNoUsers, describeTable(table))
	}
	return nil
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
	case errors.As(err, &syntactic):
		return fmt.Errorf("it is not JSON at byte %d", syntactic.ByteOffset)
	case errors.As(err, &semantic):
		return fmt.Errorf("a value has another type than expected at byte %d", semantic.ByteOffset)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errCutShort
	}
	return err
}

// dump is the state of reading a dump. Found is the table of the users, once one was read.
type dump struct {
	table   string
	columns Columns
	visit   func(models.ExternalAccount) error
	found   string

	isChecked bool
}

// object calls visit if the object is a user.
func (d *dump) object(object dumpedObject) error {
	isUser, err := d.isUser(object)
	if err != nil || !isUser {
		return err
	}
	row := make(map[string]any, len(object.Fields)+1)
	for name, value := range object.Fields {
		row[name] = plain(value)
	}
	// Django keeps the key beside the fields, whatever its column is called.
	if key := plain(object.Key); key != nil {
		row[d.columns["id"]] = key
	}
	if row[d.columns["id"]] == nil {
		return ErrNoKeys
	}
	if !d.isChecked {
		d.isChecked = true
		if err := d.columns.Check(row); err != nil {
			return err
		}
	}
	return d.visit(d.columns.Account(row))
}

// isUser reports whether an object is of the model of users.
func (d *dump) isUser(object dumpedObject) (bool, error) {
	table := strings.ReplaceAll(object.Model, ".", "_")
	switch {
	case d.table != "":
		isUser := strings.EqualFold(table, d.table)
		if isUser {
			d.found = table
		}
		return isUser, nil
	case object.Fields["password"] == nil || object.Fields["last_login"] == nil:
		return false, nil
	case d.found != "" && d.found != table:
		return false, fmt.Errorf("%w of its own: there are %s and %s; choose one with --table", ErrNoUsers, d.found, table)
	}
	d.found = table
	return true, nil
}

// describeTable returns the end of the sentence that ErrNoUsers begins.
func describeTable(table string) string {
	if table == "" {
		return ": none has both a password and a last_login; name its table with --table"
	}
	return " whose table is " + table
}

// plain returns a JSON value as [Columns.Account] takes it: nil, bool, int64 or string, and nil for lists and objects.
func plain(value jsontext.Value) any {
	if len(value) == 0 || !slices.Contains([]jsontext.Kind{'n', 't', 'f', '"', '0'}, value.Kind()) {
		return nil
	}
	if value.Kind() == '0' {
		if whole, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			return whole
		}
		return string(value)
	}
	var decoded any
	if err := json.Unmarshal(value, &decoded); err != nil {
		return nil
	}
	return decoded
}
