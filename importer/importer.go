// Package importer reads the accounts of other systems: rows of Django's user table, Django's dumps, and lines of JSON of
// Latchkey, Keycloak and Firebase. It turns what it reads into accounts. It stores nothing: package models decides which
// accounts are imported.
package importer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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

// Account returns the account of a row, which maps columns to nil, bool, int64, string, []byte, time.Time or a list or object of
// JSON. Without a column its field is empty; without is_active the account is active. A field that can't be read is left out and
// named in the account's Notes. An account whose is_active can't be read is not active.
func (c Columns) Account(row map[string]any) models.ExternalAccount {
	r := reader{columns: c, row: row}
	account := models.ExternalAccount{
		Username: r.text("username"), Email: r.text("email"), Password: r.password("password"),
		FirstName: r.text("first_name"), LastName: r.text("last_name"), IsActive: r.isActive("is_active"),
		IsStaff: r.isSet("is_staff"), IsSuperuser: r.isSet("is_superuser"),
		DateJoined: orZero(r.moment("date_joined")), LastLogin: r.moment("last_login"),
	}
	r.key(&account, "id")
	r.hintAtUsername(&account)
	account.Notes = r.notes
	if account.Fault == "" {
		account.Fault = r.fault
	}
	return account
}

// hintAtUsername refuses an account without an email whose username is one, and says how it can be imported.
func (r *reader) hintAtUsername(account *models.ExternalAccount) {
	if account.Email != "" || !strings.Contains(account.Username, "@") {
		return
	}
	r.fault = "email: it is empty, but the username looks like an address; to log in by that, import with --map email=username"
}
