package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"latchkey/models"
)

// ErrLineTooLong means that a line is longer than any account can be.
var ErrLineTooLong = errors.New("longer than a megabyte, so this is not one JSON object per line")

const maxLine = 1 << 20

// Format reads one line of JSON as an account. What can't be read is the account's Fault.
type Format func(line []byte) models.ExternalAccount

// ReadLines reads one JSON object per line, and calls visit with each account. It skips empty lines. It returns ErrLineTooLong,
// or the first error of input or visit.
func ReadLines(input io.Reader, format Format, visit func(models.ExternalAccount) error) error {
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, maxLine)
	number := 0
	for lines.Scan() {
		number++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		account := format(line)
		account.Source = fmt.Sprintf("line %d", number)
		if err := visit(account); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d: %w", number+1, ErrLineTooLong)
	}
	return lines.Err()
}

// Line is an account as Latchkey exports it. PasswordHash is the encoded hash; without one the user can't log in until they set a
// password.
type Line struct {
	ID           uuid.UUID  `json:"id,omitzero"`
	LegacyID     *int64     `json:"legacy_id,omitempty"`
	Username     string     `json:"username,omitempty"`
	Email        string     `json:"email"`
	PasswordHash string     `json:"password_hash,omitempty"`
	FirstName    string     `json:"first_name"`
	LastName     string     `json:"last_name"`
	IsActive     *bool      `json:"is_active"`
	IsStaff      bool       `json:"is_staff"`
	IsSuperuser  bool       `json:"is_superuser"`
	DateJoined   time.Time  `json:"date_joined,omitzero"`
	LastLogin    *time.Time `json:"last_login,omitempty"`

	EmailVerifiedAt *time.Time `json:"email_verified_at,omitempty"`
	Locale          string     `json:"locale,omitempty"`
	Timezone        string     `json:"timezone,omitempty"`
	DeletionDueAt   *time.Time `json:"deletion_due_at,omitempty"`
}

// NewLine returns the line of a user, without the password hash.
func NewLine(user *models.User) Line {
	line := Line{
		ID: user.ID, LegacyID: user.LegacyID, Email: user.Email, FirstName: user.FirstName, LastName: user.LastName,
		IsActive: &user.IsActive, IsStaff: user.IsStaff, IsSuperuser: user.IsSuperuser,
		DateJoined: user.DateJoined, LastLogin: user.LastLogin, EmailVerifiedAt: user.EmailVerifiedAt,
		Locale: user.Locale, Timezone: user.Timezone, DeletionDueAt: user.DeletionDueAt,
	}
	if user.LegacyUsername != nil {
		line.Username = *user.LegacyUsername
	}
	return line
}

// Latchkey is the format of Latchkey's own export. An unknown member is a fault: a misspelt one must not be ignored.
func Latchkey(line []byte) models.ExternalAccount {
	var read Line
	if err := json.Unmarshal(line, &read, json.RejectUnknownMembers(true)); err != nil {
		return unreadable(err)
	}
	return models.ExternalAccount{
		ID: read.ID, LegacyID: read.LegacyID, Username: read.Username, Email: read.Email, Password: read.PasswordHash,
		FirstName: read.FirstName, LastName: read.LastName,
		IsActive: read.IsActive == nil || *read.IsActive, IsStaff: read.IsStaff, IsSuperuser: read.IsSuperuser,
		DateJoined: read.DateJoined, LastLogin: read.LastLogin, EmailVerifiedAt: read.EmailVerifiedAt,
		Locale: read.Locale, Timezone: read.Timezone, DeletionDueAt: read.DeletionDueAt,
	}
}

// verified is whether another system has verified an address. It does not say when.
type verified bool

// moment returns the zero time, which stands for an unknown one, or nil if the address is not verified.
func (v verified) moment() *time.Time {
	if !v {
		return nil
	}
	return &time.Time{}
}

// unreadable returns an account that the parser could not read, with the reason as its Fault. The parser's own words may quote
// the line, and with it a hash.
func unreadable(err error) models.ExternalAccount {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && semantic.JSONPointer != "" && len(semantic.JSONPointer) < 64 {
		return models.ExternalAccount{Fault: "it has an unknown member or a value of another type than expected: " +
			string(semantic.JSONPointer[1:])}
	}
	return models.ExternalAccount{Fault: withoutText(err).Error()}
}

// milliseconds returns the time that is count milliseconds after 1970, or nil for 0.
func milliseconds(count int64) *time.Time {
	if count == 0 {
		return nil
	}
	moment := time.UnixMilli(count).UTC()
	return &moment
}

// orZero returns a time, or the zero time for nil.
func orZero(moment *time.Time) time.Time {
	if moment == nil {
		return time.Time{}
	}
	return *moment
}
