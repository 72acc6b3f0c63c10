package importer

import (
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"latchkey/models"
)

// reader reads the fields of one account from a row. What can't be read is left out, and noted; fault is set where the account
// can't do without it.
type reader struct {
	columns Columns
	row     map[string]any
	notes   []string
	fault   string
}

// verified returns when an address was verified by a system that only says whether it was: the zero time, which stands for an
// unknown one, or nil.
func (r *reader) verified(field string) *time.Time {
	if !r.isSet(field) {
		return nil
	}
	return &time.Time{}
}

// finish returns an account with what was noted and found wrong while it was read.
func (r *reader) finish(account models.ExternalAccount) models.ExternalAccount {
	account.Notes = r.notes
	if account.Fault == "" {
		account.Fault = r.fault
	}
	return account
}

// readObject returns the members of an object of JSON, as [reader] takes them.
func readObject(text []byte) (map[string]any, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(text, &members, readLeniently()); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, errNoObject
	}
	row := make(map[string]any, len(members))
	for name, value := range members {
		row[name] = plain(value)
	}
	return row, nil
}

var errNoObject = errors.New("it is not an object of JSON")

// abbreviated returns a name that may come from anywhere, short enough to be shown.
func abbreviated(name string) string {
	if runes := []rune(strings.ToValidUTF8(name, "?")); len(runes) > 64 {
		return string(runes[:64]) + "…"
	}
	return name
}

// unreadable returns an account that the parser could not read, with the reason as its Fault. The parser's own words may quote
// the line, and with it a hash.
func unreadable(err error) models.ExternalAccount {
	return models.ExternalAccount{Fault: withoutText(err).Error()}
}
