package models

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/google/uuid"

	"latchkey/passwords"
)

// ForeignAccount is an account as another system keeps it. Password is the encoded hash, as it is there. ID is zero
// where that system has no UUID for it; a zero DateJoined is not known.
type ForeignAccount struct {
	Source string // where to find it there, such as "id 7" or "line 12"
	Fault  string // why it can't be read, or empty

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

	EmailVerifiedAt *time.Time // zero if it is verified, but not known when
}

// ImportedAccount is what the other system said of an account when it was last imported: by it an import tells what
// changed there from what changed here. Of the password it holds a MAC.
type ImportedAccount struct {
	UserID      uuid.UUID `gorm:"type:uuid;primaryKey"`
	User        *User     `gorm:"constraint:OnDelete:CASCADE"`
	Email       string    `gorm:"size:254;not null"`
	PasswordMAC []byte    `gorm:"column:password_mac;not null"`
	FirstName   string    `gorm:"size:150;not null"`
	LastName    string    `gorm:"size:150;not null"`
	IsActive    bool      `gorm:"not null"`
	IsStaff     bool      `gorm:"not null"`
	IsSuperuser bool      `gorm:"not null"`
}

// Refusal is an account that was not imported, and why. The reason holds nothing secret.
type Refusal struct {
	Account ForeignAccount
	Reason  string
}

// Why an account is refused.
const (
	refusedTwice   = "an account before it in the source has the same email address, perhaps in another case"
	refusedKey     = "an account before it in the source has the same key"
	refusedTaken   = "another account here has this email address"
	refusedName    = "another account has this username"
	refusedUnknown = "an account here that was not imported has this email address or id"
	refusedRace    = "the account here changed during the import; run it again"
)

// canonical gives back the account as it would be stored, or why it can't be.
func (a ForeignAccount) canonical(hasher *passwords.Pool, now time.Time) (ForeignAccount, string) {
	if a.Fault != "" {
		return a, a.Fault
	}
	var found faults
	a.Email = found.email("email", a.Email)
	a.FirstName = found.name("first_name", a.FirstName)
	a.LastName = found.name("last_name", a.LastName)
	a.Username = found.name("username", a.Username)
	if a.EmailVerifiedAt != nil && a.EmailVerifiedAt.IsZero() {
		a.EmailVerifiedAt = &now
	}
	if err := found.err(); err != nil {
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

// user is the account as a new user.
func (a ForeignAccount) user(now time.Time) User {
	joined := a.DateJoined.UTC().Truncate(time.Microsecond)
	if a.DateJoined.IsZero() {
		joined = now
	}
	return User{
		ID: a.ID, LegacyID: a.LegacyID, LegacyUsername: a.username(), Email: a.Email, Password: a.Password,
		FirstName: a.FirstName, LastName: a.LastName, IsActive: a.IsActive, IsStaff: a.IsStaff, IsSuperuser: a.IsSuperuser,
		DateJoined: joined, LastLogin: inUTC(a.LastLogin),
		EmailVerifiedAt: inUTC(a.EmailVerifiedAt),
	}
}

func (a ForeignAccount) username() *string {
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

// said is what there will be to compare the next import with.
func (a ForeignAccount) said(userID uuid.UUID, key []byte) ImportedAccount {
	return ImportedAccount{
		UserID: userID, Email: a.Email, PasswordMAC: passwordMAC(key, a.Password), FirstName: a.FirstName, LastName: a.LastName,
		IsActive: a.IsActive, IsStaff: a.IsStaff, IsSuperuser: a.IsSuperuser,
	}
}

func passwordMAC(key []byte, encoded string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(encoded))
	return mac.Sum(nil)
}

// isPassword tells whether encoded is the password that was imported.
func (i *ImportedAccount) isPassword(keys [][]byte, encoded string) bool {
	for _, key := range keys {
		if hmac.Equal(i.PasswordMAC, passwordMAC(key, encoded)) {
			return true
		}
	}
	return false
}

// changes are the columns of user that the source changed since the last import and nobody changed here. What both
// changed stays as it is here, so that an import never brings back a former password or a right that was taken away.
func (i *ImportedAccount) changes(user *User, account ForeignAccount, keys [][]byte) map[string]any {
	columns := map[string]any{}
	moved(columns, "email", i.Email, user.Email, account.Email)
	moved(columns, "first_name", i.FirstName, user.FirstName, account.FirstName)
	moved(columns, "last_name", i.LastName, user.LastName, account.LastName)
	moved(columns, "is_active", i.IsActive, user.IsActive, account.IsActive)
	moved(columns, "is_staff", i.IsStaff, user.IsStaff, account.IsStaff)
	moved(columns, "is_superuser", i.IsSuperuser, user.IsSuperuser, account.IsSuperuser)
	if !i.isPassword(keys, account.Password) && i.isPassword(keys, user.Password) {
		columns["password"] = account.Password
	}
	if name := account.username(); name != nil && (user.LegacyUsername == nil || *user.LegacyUsername != *name) {
		columns["legacy_username"] = *name // nobody changes it here
	}
	// An address that comes with this import is as verified as the source says, and so is one that was the same before.
	if columns["email"] != nil || user.EmailVerifiedAt == nil && user.Email == account.Email {
		if verified := inUTC(account.EmailVerifiedAt); verified != nil || user.EmailVerifiedAt != nil {
			columns["email_verified_at"] = verified
		}
	}
	if last := inUTC(account.LastLogin); last != nil && (user.LastLogin == nil || last.After(*user.LastLogin)) {
		columns["last_login"] = *last
	}
	return columns
}

func moved[T comparable](columns map[string]any, name string, before, here, there T) {
	if there != before && here == before {
		columns[name] = there
	}
}

// says tells whether the source says the same of the account as at the last import.
func (i *ImportedAccount) says(account ForeignAccount, keys [][]byte) bool {
	return i.Email == account.Email && i.FirstName == account.FirstName && i.LastName == account.LastName &&
		i.IsActive == account.IsActive && i.IsStaff == account.IsStaff && i.IsSuperuser == account.IsSuperuser &&
		i.isPassword(keys, account.Password)
}
