package models

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"latchkey/passwords"
)

// User is one account. Its email is what it logs in with; its password is an encoded hash (see package passwords),
// never the password itself.
type User struct {
	ID          uuid.UUID  `gorm:"type:uuid;primaryKey"`
	Email       string     `gorm:"size:254;not null;uniqueIndex"`
	Password    string     `gorm:"type:text;not null"`
	FirstName   string     `gorm:"size:150;not null"`
	LastName    string     `gorm:"size:150;not null"`
	IsActive    bool       `gorm:"not null"`
	IsStaff     bool       `gorm:"not null"`
	IsSuperuser bool       `gorm:"not null"`
	DateJoined  time.Time  `gorm:"not null"`
	LastLogin   *time.Time `gorm:""`

	EmailVerifiedAt *time.Time `gorm:""`
	Locale          string     `gorm:"size:35;not null;default:''"` // BCP 47, or empty
	Timezone        string     `gorm:"size:64;not null;default:''"` // IANA, or empty
	DeletionDueAt   *time.Time `gorm:"index"`                       // when the account is deleted, if its user requested that

	// What other systems issued to the user until then opens no session, because they or an operator ended it. Null if nothing was
	// ended yet.
	TokensValidAfter *time.Time `gorm:""`

	// What an imported account had where it came from: the key that tables elsewhere refer to, and what its user logged in
	// with if that was not the email.
	LegacyID       *int64  `gorm:"uniqueIndex"`
	LegacyUsername *string `gorm:"size:150;uniqueIndex"`
}

// FullName returns the first and the last name with a space between, as Django's get_full_name.
func (u *User) FullName() string {
	return strings.TrimSpace(u.FirstName + " " + u.LastName)
}

// HasPassword reports whether some password may open the account.
func (u *User) HasPassword() bool { return passwords.IsUsable(u.Password) }

// Roles returns the names of the roles that the user has, as access tokens carry them (RFC 9068, section 2.2.3.1).
func (u *User) Roles() []string {
	var roles []string
	if u.IsStaff {
		roles = append(roles, "staff")
	}
	if u.IsSuperuser {
		roles = append(roles, "superuser")
	}
	return roles
}
