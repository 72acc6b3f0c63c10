package importer

import (
	"errors"
	"fmt"
	"io"
	"maps"
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

// dump is the state of reading a dump. Found is the table of the users, once it is known; until then the objects that may be
// users wait.
type dump struct {
	table   string
	columns Columns
	visit   func(models.ExternalAccount) error
	found   string
	count   int
	waiting []dumpedObject            // those with an email or a password
	bare    map[string][]dumpedObject // the others, by table
}

const (
	// maxWaiting bounds the objects that are kept until it is known which of them are users.
	maxWaiting = 10_000
	// maxBare bounds those of one table that have neither an email nor a password.
	maxBare = 1000
)

// object reads the next object, and calls visit if it is a user.
func (d *dump) object(text jsontext.Value) error {
	d.count++
	object := dumpedObject{number: d.count}
	if err := json.Unmarshal(text, &object, readLeniently()); err != nil {
		object.isOdd = true
	}
	object.isOdd = object.isOdd || object.Model == "" || object.Fields == nil
	switch {
	case d.found == "":
		return d.wait(object)
	case d.isUser(object):
		return d.user(object)
	case d.table == "" && d.isLogin(object):
		return fmt.Errorf("%w of its own: there are %s and %s; choose one with --table", ErrNoUsers, d.found, object.table())
	}
	return nil
}

// isLogin reports whether an object is surely of a model of users.
func (d *dump) isLogin(object dumpedObject) bool {
	return d.has(object, "password") && d.has(object, "last_login")
}

func (d *dump) has(object dumpedObject, field string) bool {
	return object.Fields[d.columns[field]] != nil
}

// isUser reports whether an object is of the model of users, or has lost the name of its model.
func (d *dump) isUser(object dumpedObject) bool {
	return strings.EqualFold(object.table(), d.found) || object.isOdd && object.Model == ""
}

// wait keeps an object that may be a user until it is known which model is that of the users.
func (d *dump) wait(object dumpedObject) error {
	table := strings.ToLower(object.table())
	if !object.isOdd && !d.has(object, "password") && !d.has(object, "email") {
		if d.bare == nil {
			d.bare = map[string][]dumpedObject{}
		}
		if len(d.bare[table]) < maxBare {
			d.bare[table] = append(d.bare[table], dumpedObject{Model: object.Model, Key: object.Key.Clone(), number: object.number})
		}
		return nil
	}
	if d.table != "" && !object.isOdd && table != strings.ToLower(d.table) {
		return nil
	}
	if d.waiting = append(d.waiting, object); len(d.waiting) < maxWaiting {
		return nil
	}
	return d.decide()
}

// end visits the objects that still wait.
func (d *dump) end() error {
	if d.found != "" {
		return nil
	}
	return d.decide()
}

// decide finds out which model is that of the users, and visits those of them that wait.
func (d *dump) decide() error {
	found, err := d.model()
	if err != nil {
		return err
	}
	d.found = found
	var users []dumpedObject
	for _, object := range d.waiting {
		if d.isUser(object) {
			users = append(users, object)
		}
	}
	users = append(users, d.bare[strings.ToLower(found)]...)
	d.waiting, d.bare = nil, nil
	if err := d.check(users); err != nil {
		return err
	}
	for _, object := range users {
		if err := d.user(object); err != nil {
			return err
		}
	}
	return nil
}

// model returns the table of the model of users among the waiting objects.
func (d *dump) model() (string, error) {
	logins, withEmail, likely := map[string]bool{}, map[string]bool{}, map[string]bool{}
	withPassword := map[string]bool{}
	for _, object := range d.waiting {
		if object.isOdd {
			continue
		}
		table := object.table()
		if d.isLogin(object) {
			logins[table] = true
		}
		withEmail[table] = withEmail[table] || d.has(object, "email")
		withPassword[table] = withPassword[table] || d.has(object, "password")
		if withEmail[table] && withPassword[table] {
			likely[table] = true
		}
	}
	switch candidates := slices.Sorted(maps.Keys(firstFilled(logins, likely))); {
	case d.table != "" && (len(withEmail) > 0 || len(d.bare[strings.ToLower(d.table)]) > 0):
		return d.table, nil
	case len(candidates) == 1 && (len(logins) == 1 || len(d.waiting) < maxWaiting):
		return candidates[0], nil
	case len(candidates) > 0:
		return "", fmt.Errorf("%w of its own: it may be %s; choose one with --table", ErrNoUsers, strings.Join(candidates, " or "))
	case len(d.waiting) > 0 && len(withEmail) == 0 && len(d.bare) == 0:
		return "", fmt.Errorf("%w: no object of it has a model and fields", ErrNotADump)
	}
	return "", fmt.Errorf("%w%s", ErrNoUsers, describeTable(d.table))
}

func firstFilled(sets ...map[string]bool) map[string]bool {
	for _, set := range sets {
		if len(set) > 0 {
			return set
		}
	}
	return nil
}

// check returns ErrNoKeys or ErrNoColumn if none of the first users has a primary key or a column that is to be read.
func (d *dump) check(users []dumpedObject) error {
	all := map[string]any{}
	hasKeys := false
	for _, object := range users {
		row := d.row(object)
		_, isKey := textOf(row[d.columns["id"]])
		hasKeys = hasKeys || isKey && row[d.columns["id"]] != nil
		for column := range row {
			all[column] = true
		}
	}
	if !hasKeys {
		return ErrNoKeys
	}
	return d.columns.Check(all)
}

// row returns the columns of an object.
func (d *dump) row(object dumpedObject) map[string]any {
	row := make(map[string]any, len(object.Fields)+1)
	for name, value := range object.Fields {
		row[name] = plain(value)
	}
	// Django keeps the key beside the fields, whatever its column is called.
	if key := plain(object.Key); key != nil {
		row[d.columns["id"]] = key
	}
	return row
}

// user calls visit with a user.
func (d *dump) user(object dumpedObject) error {
	row := d.row(object)
	account := d.columns.Account(row)
	switch {
	case object.isOdd:
		account.Fault = "it is not an object of a dump: it needs a model, a pk and fields"
	case row[d.columns["id"]] == nil:
		account.Fault = "it has no primary key"
	}
	if account.Source == "" {
		account.Source = fmt.Sprintf("object %d", object.number)
	}
	return d.visit(account)
}

// describeTable returns the end of the sentence that ErrNoUsers begins.
func describeTable(table string) string {
	if table == "" {
		return ": none has both a password and a last_login, or an email; name its table with --table"
	}
	return " whose table is " + table
}

// plain returns a JSON value as [Columns.Account] takes it: nil, bool, int64 or string, and lists and objects as they are.
func plain(value jsontext.Value) any {
	if len(value) == 0 {
		return nil
	}
	switch value.Kind() {
	case 'n':
		return nil
	case 't', 'f':
		return value.Kind() == 't'
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
	}
	return value
}
