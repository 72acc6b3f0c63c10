package models

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
	"unicode"

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
	refusedRace    = "the account here changed during the import; run it again"
	refusedLast    = "it is the last active superuser here; promote another one first"
	refusedTime    = "it has a time outside of the years 1 to 9999"
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
	a.FirstName, a.LastName = importedName(a.FirstName), importedName(a.LastName)
	a.Username = invalid.name("username", a.Username)
	a.Locale, a.Timezone = knownLocale(a.Locale), knownTimezone(a.Timezone)
	if !storable(&a.DateJoined, a.LastLogin, a.EmailVerifiedAt, a.DeletionDueAt) {
		return a, refusedTime
	}
	if a.EmailVerifiedAt != nil && a.EmailVerifiedAt.IsZero() {
		a.EmailVerifiedAt = &now
	}
	if err := invalid.err(); err != nil {
		return a, err.Error()
	}
	if asEmail, err := CanonicalEmail(a.Username); err == nil && asEmail == a.Email {
		a.Username = ""
	}
	if err := hasher.Decodable(a.Password); err != nil {
		return a, "password: " + err.Error()
	}
	if strings.ContainsRune(a.Password, 0) {
		return a, "password: it holds a NUL"
	}
	return a, ""
}

// importedName returns a name as it can be stored. No account is refused for a name: control characters become spaces, and
// what is too long is cut.
func importedName(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(name, " ")))
	if runes := []rune(name); len(runes) > maxNameLength {
		name = strings.TrimSpace(string(runes[:maxNameLength]))
	}
	return name
}

// storable reports whether both databases, and JSON, can hold these times.
func storable(times ...*time.Time) bool {
	for _, moment := range times {
		if moment == nil {
			continue
		}
		if year := moment.UTC().Year(); year < 1 || year > 9999 {
			return false
		}
	}
	return true
}

// user returns the account as a new user.
func (a ExternalAccount) user(now time.Time) User {
	joined := a.DateJoined.UTC().Truncate(time.Microsecond)
	if a.DateJoined.IsZero() {
		joined = now
	}
	return User{
		ID: a.ID, LegacyID: a.LegacyID, LegacyUsername: a.username(), Email: a.Email, Password: a.Password,
		FirstName: a.FirstName, LastName: a.LastName, IsActive: a.IsActive, IsStaff: a.IsStaff, IsSuperuser: a.IsSuperuser,
		DateJoined: joined, LastLogin: inUTC(a.LastLogin),
		EmailVerifiedAt: inUTC(a.EmailVerifiedAt), Locale: a.Locale, Timezone: a.Timezone, DeletionDueAt: inUTC(a.DeletionDueAt),
	}
}

func (a ExternalAccount) username() *string {
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

// record returns what the next import will be compared with.
func (a ExternalAccount) record(userID uuid.UUID, key []byte) ImportedAccount {
	return ImportedAccount{
		UserID: userID, Email: a.Email, PasswordMAC: passwordMAC(key, a.Password), FirstName: a.FirstName, LastName: a.LastName,
		IsActive: a.IsActive, IsStaff: a.IsStaff, IsSuperuser: a.IsSuperuser,
		Locale: a.Locale, Timezone: a.Timezone, DeletionDueAt: inUTC(a.DeletionDueAt),
	}
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
		columns["password"] = account.Password
	}
	if name := account.username(); name != nil && (user.LegacyUsername == nil || *user.LegacyUsername != *name) {
		columns["legacy_username"] = *name // nobody changes it here
	}
	addObserved(columns, user, account)
	return columns
}

// addObserved adds the columns that nobody changes: when an address was verified, and the last login.
func addObserved(columns map[string]any, user *User, account ExternalAccount) {
	// An address that comes with this import is as verified as the source says, and so is one that was the same before.
	if columns["email"] != nil || user.EmailVerifiedAt == nil && user.Email == account.Email {
		if verified := inUTC(account.EmailVerifiedAt); verified != nil || user.EmailVerifiedAt != nil {
			columns["email_verified_at"] = verified
		}
	}
	if last := inUTC(account.LastLogin); last != nil && (user.LastLogin == nil || last.After(*user.LastLogin)) {
		columns["last_login"] = *last
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
