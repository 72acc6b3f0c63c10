package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/models"
)

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
	switch {
	case object.isOdd:
	case !d.has(object, "password") && !d.has(object, "email"):
		d.keepBare(table, object)
		return nil
	case d.table != "" && table != strings.ToLower(d.table):
		return nil
	}
	if d.waiting = append(d.waiting, object); len(d.waiting) < maxWaiting {
		return nil
	}
	return d.decide()
}

func (d *dump) keepBare(table string, object dumpedObject) {
	if d.bare == nil {
		d.bare = map[string][]dumpedObject{}
	}
	if len(d.bare[table]) < maxBare {
		d.bare[table] = append(d.bare[table], dumpedObject{Model: object.Model, Key: object.Key.Clone(), number: object.number})
	}
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
	seen := d.tables()
	candidates, areLogins := likeliest(seen)
	switch {
	case d.table != "" && (len(seen) > 0 || len(d.bare[strings.ToLower(d.table)]) > 0):
		return d.table, nil
	case len(candidates) == 1 && (areLogins || len(d.waiting) < maxWaiting):
		return candidates[0], nil
	case len(candidates) > 0:
		return "", fmt.Errorf("%w of its own: it may be %s; choose one with --table", ErrNoUsers, strings.Join(candidates, " or "))
	case len(d.waiting) > 0 && len(seen) == 0 && len(d.bare) == 0:
		return "", fmt.Errorf("%w: no object of it has a model and fields", ErrNotADump)
	}
	return "", fmt.Errorf("%w%s", ErrNoUsers, describeTable(d.table))
}

// seenTable is what the objects of a table have, taken together.
type seenTable struct{ hasLogins, hasEmail, hasPassword bool }

func (d *dump) tables() map[string]seenTable {
	tables := map[string]seenTable{}
	for _, object := range d.waiting {
		if object.isOdd {
			continue
		}
		table := tables[object.table()]
		table.hasLogins = table.hasLogins || d.isLogin(object)
		table.hasEmail = table.hasEmail || d.has(object, "email")
		table.hasPassword = table.hasPassword || d.has(object, "password")
		tables[object.table()] = table
	}
	return tables
}

// likeliest returns the tables that are surely of users or, without any, those that may be.
func likeliest(tables map[string]seenTable) (names []string, areLogins bool) {
	var logins, likely []string
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		switch table := tables[name]; {
		case table.hasLogins:
			logins = append(logins, name)
		case table.hasEmail && table.hasPassword:
			likely = append(likely, name)
		}
	}
	if len(logins) > 0 {
		return logins, true
	}
	return likely, false
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
