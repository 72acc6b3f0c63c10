package importer

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"latchkey/models"
)

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

	TokensValidAfter *time.Time `json:"tokens_valid_after,omitempty"`
}

// lineMembers returns the names of a line's members.
func lineMembers() []string {
	return []string{"id", "legacy_id", "username", "email", "password_hash", "first_name", "last_name", "is_active", "is_staff",
		"is_superuser", "date_joined", "last_login", "email_verified_at", "locale", "timezone", "deletion_due_at",
		"tokens_valid_after"}
}

// NewLine returns the line of a user, without the password hash.
func NewLine(user *models.User) Line {
	line := Line{
		ID: user.ID, LegacyID: user.LegacyID, Email: user.Email, FirstName: user.FirstName, LastName: user.LastName,
		IsActive: &user.IsActive, IsStaff: user.IsStaff, IsSuperuser: user.IsSuperuser,
		DateJoined: user.DateJoined, LastLogin: user.LastLogin, EmailVerifiedAt: user.EmailVerifiedAt,
		Locale: user.Locale, Timezone: user.Timezone, DeletionDueAt: user.DeletionDueAt,
		TokensValidAfter: user.TokensValidAfter,
	}
	if user.LegacyUsername != nil {
		line.Username = *user.LegacyUsername
	}
	return line
}

// Latchkey returns the format of Latchkey's own export. An unknown member is a fault: a misspelt one must not be ignored.
func Latchkey() Format { return Format{NameLatchkey, latchkeyAccount} }

func latchkeyAccount(object []byte) models.ExternalAccount {
	row, err := readObject(object)
	if err != nil {
		return unreadable(err)
	}
	for name := range row {
		if !slices.Contains(lineMembers(), name) {
			return models.ExternalAccount{Fault: "it has an unknown member: " + abbreviated(name)}
		}
	}
	r := reader{row: row}
	account := models.ExternalAccount{
		Username: r.text("username"), Email: r.text("email"), Password: r.password("password_hash"),
		FirstName: r.text("first_name"), LastName: r.text("last_name"),
		IsActive: r.isActive("is_active"), IsStaff: r.isSet("is_staff"), IsSuperuser: r.isSet("is_superuser"),
		DateJoined: orZero(r.moment("date_joined")), LastLogin: r.moment("last_login"),
		EmailVerifiedAt: r.moment("email_verified_at"), Locale: r.text("locale"), Timezone: r.text("timezone"),
		DeletionDueAt: r.moment("deletion_due_at"), TokensValidAfter: r.moment("tokens_valid_after"),
	}
	r.keys(&account)
	return r.finish(account)
}

// keys sets both keys of an account that Latchkey exported.
func (r *reader) keys(account *models.ExternalAccount) {
	if id := r.text("id"); id != "" {
		account.ID = ForeignID(id)
	}
	text := r.text("legacy_id")
	if text == "" {
		return
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		r.fault = "legacy_id: it is not a whole number"
		return
	}
	account.LegacyID = &number
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
