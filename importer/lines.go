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

// ErrLineTooLong means that a line is longer than any account is.
var ErrLineTooLong = errors.New("longer than a megabyte, so this is not one JSON object a line")

const maxLine = 1 << 20

// Format reads one line of JSON as an account.
type Format func(line []byte) models.ExternalAccount

// ReadLines reads one JSON object a line and gives each account to visit; empty lines say nothing.
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

// Line is an account as Latchkey exports it. PasswordHash is the encoded hash; without one nobody can log in until the
// password is set.
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

// NewLine is a user as a line, without the password hash.
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

// Latchkey reads what Latchkey exports. Any other name in a line is a fault: a misspelt one must not look like nothing.
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

// confirmation is whether another system says that an address is verified, which does not say when.
type confirmation bool

func (c confirmation) moment() *time.Time {
	if !c {
		return nil
	}
	return &time.Time{}
}

// unreadable is an account that the parser could not read. The parser's own words may quote the line, and a hash with it.
func unreadable(err error) models.ExternalAccount {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && semantic.JSONPointer != "" && len(semantic.JSONPointer) < 64 {
		return models.ExternalAccount{Fault: "it has a name that is not known or a value of another type than expected: " +
			string(semantic.JSONPointer[1:])}
	}
	return models.ExternalAccount{Fault: place(err).Error()}
}

// milliseconds is a moment as JavaScript counts; nil for none.
func milliseconds(count int64) *time.Time {
	if count == 0 {
		return nil
	}
	moment := time.UnixMilli(count).UTC()
	return &moment
}

func joined(moment *time.Time) time.Time {
	if moment == nil {
		return time.Time{}
	}
	return *moment
}
