// Package importer reads the accounts of other systems: rows of Django's user table, Django's dumps, and lines of JSON of
// Latchkey, Keycloak and Firebase. It turns what it reads into accounts. It stores nothing: package models decides which
// accounts are imported.
package importer

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"latchkey/models"
)

var (
	// ErrMap means that a mapping can't be parsed.
	ErrMap = errors.New("a mapping has the form field=column")
	// ErrNoColumn means that the source lacks a column that is to be read.
	ErrNoColumn = errors.New("there is no such column")
)

// Columns maps each field of an account to its column in the other system.
type Columns map[string]string

// DjangoColumns returns the columns of AbstractBaseUser, AbstractUser and PermissionsMixin.
func DjangoColumns() Columns {
	columns := Columns{}
	for _, field := range fields() {
		columns[field] = field
	}
	return columns
}

func fields() []string {
	return []string{"id", "username", "email", "password", "first_name", "last_name", "is_active", "is_staff", "is_superuser",
		"date_joined", "last_login"}
}

// With returns a copy of the columns with mappings of the form field=column applied, or ErrMap.
func (c Columns) With(mappings []string) (Columns, error) {
	changed := Columns{}
	for field, column := range c {
		changed[field] = column
	}
	for _, mapping := range mappings {
		field, column, found := strings.Cut(mapping, "=")
		if !found || column == "" || !slices.Contains(fields(), field) {
			return nil, fmt.Errorf("%w; the fields are %s", ErrMap, strings.Join(fields(), ", "))
		}
		changed[field] = column
	}
	return changed, nil
}

// Check returns ErrNoColumn unless a row has the columns that were mapped, that of the email and that of the password: a
// misspelt column must not look like an account without a value.
func (c Columns) Check(row map[string]any) error {
	for _, field := range fields() {
		column := c[field]
		_, found := row[column]
		if isRequired := column != field || field == "email" || field == "password"; isRequired && !found {
			return fmt.Errorf("%w: %s, to read %s from; name the right one with --map", ErrNoColumn, column, field)
		}
	}
	return nil
}

// Account returns the account of a row, which maps columns to nil, bool, int64, string, []byte or time.Time. Without a column
// its field is empty; without is_active the account is active. What can't be read is the account's Fault.
func (c Columns) Account(row map[string]any) models.ExternalAccount {
	r := reader{columns: c, row: row}
	account := models.ExternalAccount{
		Username: r.text("username"), Email: r.text("email"), Password: r.text("password"),
		FirstName: r.text("first_name"), LastName: r.text("last_name"),
		IsStaff: r.isSet("is_staff"), IsSuperuser: r.isSet("is_superuser"), LastLogin: r.moment("last_login"),
	}
	active := r.flag("is_active")
	account.IsActive = active == nil || *active
	if joined := r.moment("date_joined"); joined != nil {
		account.DateJoined = *joined
	}
	r.key(&account)
	account.Fault = strings.Join(r.faults, "; ")
	return account
}

// reader reads fields from a row, and collects what is wrong with them.
type reader struct {
	columns Columns
	row     map[string]any
	faults  []string
}

func (r *reader) value(field string) any {
	value := r.row[r.columns[field]]
	if bytes, ok := value.([]byte); ok {
		return string(bytes)
	}
	return value
}

func (r *reader) fault(field, problem string) {
	r.faults = append(r.faults, field+": "+problem)
}

func (r *reader) text(field string) string {
	switch value := r.value(field).(type) {
	case nil:
		return ""
	case string:
		return value
	default:
		r.fault(field, "it is not a string")
		return ""
	}
}

// flag returns nil if the row has no value.
func (r *reader) flag(field string) *bool {
	switch value := r.value(field).(type) {
	case nil:
		return nil
	case bool:
		return &value
	case int64: // as MySQL and SQLite store it
		isSet := value != 0
		return &isSet
	default:
		r.fault(field, "it is neither true nor false")
		return nil
	}
}

func (r *reader) isSet(field string) bool {
	flag := r.flag(field)
	return flag != nil && *flag
}

func (r *reader) moment(field string) *time.Time {
	switch value := r.value(field).(type) {
	case nil:
		return nil
	case time.Time:
		return &value
	case string:
		for _, layout := range []string{
			time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07",
		} {
			if parsed, err := time.Parse(layout, value); err == nil {
				return &parsed
			}
		}
	}
	r.fault(field, "it is not a time")
	return nil
}

// key sets the account's LegacyID from an integer primary key, or its ID from a UUID.
func (r *reader) key(account *models.ExternalAccount) {
	switch value := r.value("id").(type) {
	case nil:
		account.Source = account.Email
		return
	case int64:
		account.LegacyID = &value
		account.Source = "id " + strconv.FormatInt(value, 10)
		return
	case string:
		account.Source = "id " + value
		if id, err := uuid.Parse(value); err == nil && id != uuid.Nil {
			account.ID = id
			return
		}
	}
	r.fault("id", "it is neither an integer nor a UUID")
}
