package models

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"latchkey/passwords"
)

// ExternalAccount is an account as another system stores it. Password is the encoded hash, as it is there. ID is zero if that
// system has no UUID for it, and DateJoined if it is unknown.
type ExternalAccount struct {
	Source string   // where to find it there, such as "id 7" or "line 12"
	Fault  string   // why it can't be read, or empty
	Notes  []string // the fields that are not as they are there, and why

	ID          uuid.UUID
	LegacyID    *int64
	Username    string // if that is not the email
	Email       string
	Password    string
	FirstName   string
	LastName    string
	IsActive    bool
	IsStaff     bool
	IsSuperuser bool
	DateJoined  time.Time
	LastLogin   *time.Time
	Locale      string // BCP 47; an invalid one is stored as an empty one
	Timezone    string // IANA; likewise

	EmailVerifiedAt *time.Time // zero if it is verified, but not known when
	DeletionDueAt   *time.Time // when the account is deleted, if its user requested that

	TokensValidAfter *time.Time // until when the tokens that other systems issued have been ended

	HasEmptyPassword bool // Password is a hash of the empty password: the account has none
}

// ImportedAccount is an account as it was in the source when it was last imported: by it an import tells what changed there
// from what changed here. Of the password it holds a MAC, and another of the hash that replaced it here at a login.
type ImportedAccount struct {
	UserID      uuid.UUID `gorm:"type:uuid;primaryKey"`
	User        *User     `gorm:"constraint:OnDelete:CASCADE"`
	Email       string    `gorm:"size:254;not null"`
	PasswordMAC []byte    `gorm:"column:password_mac;not null"`
	UpgradedMAC []byte    `gorm:"column:upgraded_mac"`
	FirstName   string    `gorm:"size:150;not null"`
	LastName    string    `gorm:"size:150;not null"`
	IsActive    bool      `gorm:"not null"`
	IsStaff     bool      `gorm:"not null"`
	IsSuperuser bool      `gorm:"not null"`
	Locale      string    `gorm:"size:35;not null;default:''"`
	Timezone    string    `gorm:"size:64;not null;default:''"`

	DeletionDueAt *time.Time `gorm:""`
}

// Refusal is an account that was not imported, and the reason, which holds nothing secret. IsHeld is set if another imported
// account has its address or username: it can be imported once that one has changed as it did in the source.
type Refusal struct {
	Account ExternalAccount
	Reason  string
	IsHeld  bool
}

// Why an account is refused.
const (
	refusedTwice   = "an account before it in the source has the same email address, perhaps in another case"
	refusedKey     = "an account before it in the source has the same key"
	refusedHeld    = "an account that was imported before has this email address, perhaps in another case"
	refusedName    = "another account has this username"
	refusedUnknown = "an account here that was not imported has this email address or id"
	refusedHold    = "an account here had this email address less than three days ago, and can still take it back; import it later"
	refusedRace    = "the account here changed during the import; run it again"
	refusedLast    = "it is the last active superuser here; promote another one first"
)

// keyOf returns what the source calls an account, or else its id here, or "of this import" if it has none yet.
func keyOf(legacyID *int64, id uuid.UUID) string {
	switch {
	case legacyID != nil:
		return fmt.Sprintf("id %d", *legacyID)
	case id != uuid.Nil:
		return "id " + id.String()
	default:
		return "of this import"
	}
}

// canonical returns the account as it would be stored, or the reason why it can't be.
func (a ExternalAccount) canonical(hasher *passwords.Pool, now time.Time) (ExternalAccount, string) {
	if a.Fault != "" {
		return a, a.Fault
	}
	var invalid fieldErrors
	a.Email = invalid.email("email", a.Email)
	if err := invalid.err(); err != nil {
		return a, strings.Join(append([]string{err.Error()}, a.Notes...), "; ")
	}
	a.Notes = slices.Clone(a.Notes)
	a.FirstName = a.name("first_name", a.FirstName)
	a.LastName = a.name("last_name", a.LastName)
	a.Username = a.username(a.Username)
	a.Locale = a.known("locale", a.Locale, knownLocale(a.Locale))
	a.Timezone = a.known("timezone", a.Timezone, knownTimezone(a.Timezone))
	a.times(now)
	if err := hasher.Decodable(a.Password); err != nil {
		return a, "password: " + err.Error()
	}
	if strings.ContainsRune(a.Password, 0) {
		return a, "password: it holds a NUL"
	}
	if a.HasEmptyPassword {
		a.note("password", "it is the empty one, so that the account has none until its user resets it")
	}
	return a, ""
}

func (a *ExternalAccount) note(field, what string) {
	a.Notes = append(a.Notes, field+": "+what)
}

// name returns a name as it can be stored, and notes if that is another one.
func (a *ExternalAccount) name(field, name string) string {
	stored := importedName(name)
	switch {
	case utf8.RuneCountInString(strings.TrimSpace(name)) > maxNameLength:
		a.note(field, fmt.Sprintf("it is cut to %d characters", maxNameLength))
	case stored != strings.TrimSpace(name):
		a.note(field, "control characters in it become spaces, and invisible ones are left out")
	}
	return stored
}

// username returns the username that the account keeps: none that is the email, or that can't be stored, which is noted.
func (a *ExternalAccount) username(name string) string {
	var invalid fieldErrors
	name = invalid.name("username", name)
	if err := invalid.err(); err != nil {
		a.note("username", "it is too long or has control characters, and is left out")
		return ""
	}
	if asEmail, err := CanonicalEmail(name); err == nil && asEmail == a.Email {
		return ""
	}
	return name
}

// known returns the known spelling of a value, and adds a note if the value is not known.
func (a *ExternalAccount) known(field, value, known string) string {
	if value != "" && known == "" {
		a.note(field, "it is unknown, and is left out")
	}
	return known
}

// times leaves out the times that can't be stored, and notes that. An address that was verified then was verified at some time.
func (a *ExternalAccount) times(now time.Time) {
	const outside = "it is outside of the years 1 to 9999, and is left out"
	if a.EmailVerifiedAt != nil && (a.EmailVerifiedAt.IsZero() || !storable(a.EmailVerifiedAt)) {
		a.EmailVerifiedAt = &now
	}
	if !storable(&a.DateJoined) {
		a.DateJoined = time.Time{}
		a.note("date_joined", outside)
	}
	if !storable(a.LastLogin) {
		a.LastLogin = nil
		a.note("last_login", outside)
	}
	if !storable(a.DeletionDueAt) {
		a.DeletionDueAt = nil
		a.note("deletion_due_at", outside)
	}
	if !storable(a.TokensValidAfter) {
		a.TokensValidAfter = nil
		a.note("tokens_valid_after", outside)
	}
}

// importedName returns a name as it can be stored. No account is refused for a name: control characters become spaces,
// invisible ones are left out, and what is too long is cut.
func importedName(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, dropInvisible(strings.ToValidUTF8(name, " "))))
	if runes := []rune(name); len(runes) > maxNameLength {
		name = strings.TrimSpace(string(runes[:maxNameLength]))
	}
	return name
}

// storable reports whether a time is nil, or one that both databases and JSON can hold.
func storable(moment *time.Time) bool {
	if moment == nil {
		return true
	}
	year := moment.UTC().Year()
	return year >= 1 && year <= 9999
}

// password returns what is stored as the password: none that any password matches if the account has the empty one.
func (a ExternalAccount) password() string {
	if a.HasEmptyPassword {
		return passwords.Unusable()
	}
	return a.Password
}

// user returns the account as a new user.
func (a ExternalAccount) user(now time.Time) User {
	joined := a.DateJoined.UTC().Truncate(time.Microsecond)
	if a.DateJoined.IsZero() {
		joined = now
	}
	return User{
		ID: a.ID, LegacyID: a.LegacyID, LegacyUsername: a.legacyUsername(), Email: a.Email, Password: a.password(),
		FirstName: a.FirstName, LastName: a.LastName, IsActive: a.IsActive, IsStaff: a.IsStaff, IsSuperuser: a.IsSuperuser,
		DateJoined: joined, LastLogin: inUTC(a.LastLogin),
		EmailVerifiedAt: inUTC(a.EmailVerifiedAt), Locale: a.Locale, Timezone: a.Timezone, DeletionDueAt: inUTC(a.DeletionDueAt),
		TokensValidAfter: inUTC(a.TokensValidAfter),
	}
}

func (a ExternalAccount) legacyUsername() *string {
	if a.Username == "" {
		return nil
	}
	return &a.Username
}

func inUTC(moment *time.Time) *time.Time {
	if moment == nil {
		return nil
	}
	stored := moment.UTC().Truncate(time.Microsecond)
	return &stored
}

// record returns what the next import will be compared with. Stored is the password that the user has here.
func (a ExternalAccount) record(userID uuid.UUID, key []byte, stored string) ImportedAccount {
	record := ImportedAccount{
		UserID: userID, Email: a.Email, PasswordMAC: passwordMAC(key, a.Password), FirstName: a.FirstName, LastName: a.LastName,
		IsActive: a.IsActive, IsStaff: a.IsStaff, IsSuperuser: a.IsSuperuser,
		Locale: a.Locale, Timezone: a.Timezone, DeletionDueAt: inUTC(a.DeletionDueAt),
	}
	if stored != a.Password {
		record.UpgradedMAC = passwordMAC(key, stored)
	}
	return record
}

func passwordMAC(key []byte, encoded string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(encoded))
	return mac.Sum(nil)
}

// isPassword reports whether encoded is the password that was imported.
func (i *ImportedAccount) isPassword(keys [][]byte, encoded string) bool {
	return isMarked(i.PasswordMAC, keys, encoded)
}

// cameWith reports whether encoded is the password that was imported, or the hash that replaced it at a login.
func (i *ImportedAccount) cameWith(keys [][]byte, encoded string) bool {
	return i.isPassword(keys, encoded) || isMarked(i.UpgradedMAC, keys, encoded)
}

func isMarked(mark []byte, keys [][]byte, encoded string) bool {
	for _, key := range keys {
		if hmac.Equal(mark, passwordMAC(key, encoded)) {
			return true
		}
	}
	return false
}

// markUpgraded keeps the password of an imported user, which has a new hash from now on, known as the imported one. The first
// of keys makes the mark.
func markUpgraded(tx Tx, keys [][]byte, user *User, encoded string) error {
	var imported []ImportedAccount
	err := tx.Where("user_id = ?", user.ID).Limit(1).Find(&imported).Error
	if err != nil || len(imported) == 0 || !imported[0].cameWith(keys, user.Password) {
		return err
	}
	return tx.Model(&ImportedAccount{}).Where("user_id = ?", user.ID).
		Update("upgraded_mac", passwordMAC(keys[0], encoded)).Error
}

// changes returns the columns of user that the source changed since the last import and nobody changed here. What both
// changed stays as it is here, so that an import never brings back a former password or a role that was taken away.
func (i *ImportedAccount) changes(user *User, account ExternalAccount, keys [][]byte) map[string]any {
	columns := map[string]any{}
	addChanged(columns, "email", i.Email, user.Email, account.Email)
	addChanged(columns, "first_name", i.FirstName, user.FirstName, account.FirstName)
	addChanged(columns, "last_name", i.LastName, user.LastName, account.LastName)
	addChanged(columns, "is_active", i.IsActive, user.IsActive, account.IsActive)
	addChanged(columns, "is_staff", i.IsStaff, user.IsStaff, account.IsStaff)
	addChanged(columns, "is_superuser", i.IsSuperuser, user.IsSuperuser, account.IsSuperuser)
	addChanged(columns, "locale", i.Locale, user.Locale, account.Locale)
	addChanged(columns, "timezone", i.Timezone, user.Timezone, account.Timezone)
	if due := inUTC(account.DeletionDueAt); !sameTime(due, i.DeletionDueAt) && sameTime(user.DeletionDueAt, i.DeletionDueAt) {
		columns["deletion_due_at"] = due
	}
	if !i.isPassword(keys, account.Password) && i.cameWith(keys, user.Password) {
		columns["password"] = account.password()
	}
	if name := account.legacyUsername(); name != nil && (user.LegacyUsername == nil || *user.LegacyUsername != *name) {
		columns["legacy_username"] = *name // nobody changes it here
	}
	addObserved(columns, user, account)
	return columns
}

// addObserved adds the columns that nobody changes: when an address was verified, the last login, and which tokens have ended.
// The last two never go back.
func addObserved(columns map[string]any, user *User, account ExternalAccount) {
	// An address that comes with this import is as verified as the source says, and so is one that was the same before.
	if columns["email"] != nil || user.EmailVerifiedAt == nil && user.Email == account.Email {
		if verified := inUTC(account.EmailVerifiedAt); verified != nil || user.EmailVerifiedAt != nil {
			columns["email_verified_at"] = verified
		}
	}
	addLater(columns, "last_login", user.LastLogin, account.LastLogin)
	addLater(columns, "tokens_valid_after", user.TokensValidAfter, account.TokensValidAfter)
}

// addLater adds a column whose time is a later one in the source than here.
func addLater(columns map[string]any, name string, here, there *time.Time) {
	if there = inUTC(there); there != nil && (here == nil || there.After(*here)) {
		columns[name] = *there
	}
}

// addChanged adds a column that the source changed and nobody changed here.
func addChanged[T comparable](columns map[string]any, name string, before, here, there T) {
	if there != before && here == before {
		columns[name] = there
	}
}

func sameTime(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

// isSame reports whether the account is in the source as it was at the last import.
func (i *ImportedAccount) isSame(account ExternalAccount, keys [][]byte) bool {
	return i.Email == account.Email && i.FirstName == account.FirstName && i.LastName == account.LastName &&
		i.IsActive == account.IsActive && i.IsStaff == account.IsStaff && i.IsSuperuser == account.IsSuperuser &&
		i.Locale == account.Locale && i.Timezone == account.Timezone && sameTime(i.DeletionDueAt, inUTC(account.DeletionDueAt)) &&
		i.isPassword(keys, account.Password)
}
