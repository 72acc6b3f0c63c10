package importer

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

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
func lineMembers() (names []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Line]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
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
func Latchkey() Format {
	members := lineMembers()
	return Format{NameLatchkey, func(object []byte) models.ExternalAccount { return latchkeyAccount(object, members) }}
}

func latchkeyAccount(object []byte, members []string) models.ExternalAccount {
	row, err := readObject(object)
	if err != nil {
		return unreadable(err)
	}
	for name := range row {
		if !slices.Contains(members, name) {
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
