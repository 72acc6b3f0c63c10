package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"latchkey/passwords"
)

var (
	// ErrInvalidCredentials means that email and password don't open an account: unknown, wrong, inactive and without
	// a usable password are one answer, so that nobody learns which emails have an account.
	ErrInvalidCredentials = errors.New("no active account has this email and password")
	// ErrAccountInactive means that the account was disabled or deleted after the caller proved who it was.
	ErrAccountInactive = errors.New("the account is inactive or has been deleted")
	// ErrUserNotFound means that no account has this email.
	ErrUserNotFound = errors.New("no account has this email address")
	// ErrLastSuperuser means that a change would leave nobody who can administer the service.
	ErrLastSuperuser = errors.New("this is the last active superuser")
	// ErrOverloaded means that the password could not be checked in time because too many are being checked.
	ErrOverloaded = passwords.ErrOverloaded
)

// NewUser is what somebody who wants an account says about himself. It has no flags: nobody can ask for a role.
type NewUser struct {
	Email     string
	Password  string
	FirstName string
	LastName  string
	Locale    string // a language tag (BCP 47); one that is none is as good as an empty one
	Client    Client // where he says it
}

// ProfileChange is what a user changes about himself; nil leaves a field as it is.
type ProfileChange struct {
	FirstName *string
	LastName  *string
	Locale    *string // BCP 47; empty is none
	Timezone  *string // IANA; empty is none
}

// UserManager creates, finds and authenticates users. It is the only code that writes the users table.
type UserManager struct {
	db     *gorm.DB
	hasher *passwords.Pool
	policy *passwords.Policy
	audit  *AuditLog
	now    func() time.Time

	importKeys [][]byte
}

// PasswordRules are how passwords are hashed and judged. The first of ImportKeys makes the MACs by which a password that came
// with an import is known again; the others are its fallbacks.
type PasswordRules struct {
	Hasher     *passwords.Pool
	Policy     *passwords.Policy
	ImportKeys [][]byte
}

// NewUserManager makes a manager that stores users in db and treats their passwords by rules. What it and the managers that
// work with it do for security is told to audit.
func NewUserManager(db *gorm.DB, rules PasswordRules, audit *AuditLog, now func() time.Time) *UserManager {
	return &UserManager{
		db: db, hasher: rules.Hasher, policy: rules.Policy, importKeys: rules.ImportKeys, audit: audit, now: now,
	}
}

// Using gives back a copy that works inside the transaction tx.
func (m *UserManager) Using(tx *gorm.DB) *UserManager {
	inside := *m
	inside.db = tx
	return &inside
}

// CreateUser stores an active account without roles. Faults in the input, a taken email among them, come back as a
// *ValidationError with the fields email, password, first_name and last_name.
func (m *UserManager) CreateUser(ctx context.Context, input NewUser) (*User, error) {
	return m.create(ctx, input, &User{})
}

// CreateSuperuser stores an active account with every right, for whose address its creator vouches; errors are those of
// CreateUser.
func (m *UserManager) CreateSuperuser(ctx context.Context, input NewUser) (*User, error) {
	now := moment(m.now)
	return m.create(ctx, input, &User{IsStaff: true, IsSuperuser: true, EmailVerifiedAt: &now})
}

func (m *UserManager) create(ctx context.Context, input NewUser, user *User) (*User, error) {
	var found faults
	user.Email = found.email("email", input.Email)
	user.FirstName = found.name("first_name", input.FirstName)
	user.LastName = found.name("last_name", input.LastName)
	user.Locale = knownLocale(input.Locale)
	m.judge(&found, "password", input.Password, user)
	if err := found.err(); err != nil {
		return nil, err
	}
	encoded, err := m.hasher.Hash(ctx, input.Password)
	if err != nil {
		return nil, err
	}
	user.Password = encoded
	return user, m.insert(ctx, user, input.Client)
}

// judge holds password against the policy, which knows the user's own words.
func (m *UserManager) judge(found *faults, field, password string, user *User) {
	if password == "" {
		found.add(field, CodeRequired, "This field is required.")
		return
	}
	for _, fault := range m.policy.Check(password, user.Email, user.FirstName, user.LastName) {
		found.add(field, fault.Code, fault.Message)
	}
}

func (m *UserManager) insert(ctx context.Context, user *User, client Client) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make a user id: %w", err)
	}
	user.ID, user.IsActive, user.DateJoined = id, true, moment(m.now)
	// In a transaction of its own (a savepoint inside another), because PostgreSQL refuses to go on in one in which an
	// INSERT failed.
	err = m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := m.refuseReserved(tx, user.Email, user.ID); err != nil {
			return err
		}
		if err := tx.Create(user).Error; err != nil {
			return err
		}
		return m.audit.record(tx, AuditEvent{Kind: EventSignedUp, UserID: user.ID}, client)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return taken()
	}
	return err
}

func taken() error {
	return &ValidationError{Errors: []FieldError{{
		Field: "email", Code: CodeTaken, Message: "An account with this email address already exists.",
	}}}
}

func isTaken(err error) bool {
	var invalid *ValidationError
	return errors.As(err, &invalid) && invalid.Errors[0].Code == CodeTaken
}

// ByEmail finds an account, active or not, by its address in any spelling; ErrUserNotFound if there is none.
func (m *UserManager) ByEmail(ctx context.Context, email string) (*User, error) {
	canonical, err := CanonicalEmail(email)
	if err != nil {
		return nil, ErrUserNotFound
	}
	return m.take(ctx, "email = ?", canonical)
}

func (m *UserManager) take(ctx context.Context, condition string, argument any) (*User, error) {
	var user User
	err := m.db.WithContext(ctx).Where(condition, argument).Take(&user).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, ErrUserNotFound
	}
	if err != nil {
		return nil, err
	}
	return &user, nil
}

// UpdateProfile changes what a user may change about himself and gives back the user as stored. Faults in the input
// come back as a *ValidationError; ErrAccountInactive means that there is no such active user.
func (m *UserManager) UpdateProfile(ctx context.Context, id uuid.UUID, change ProfileChange) (*User, error) {
	var found faults
	columns := map[string]any{}
	if change.FirstName != nil {
		columns["first_name"] = found.name("first_name", *change.FirstName)
	}
	if change.LastName != nil {
		columns["last_name"] = found.name("last_name", *change.LastName)
	}
	if change.Locale != nil {
		columns["locale"] = found.locale("locale", *change.Locale)
	}
	if change.Timezone != nil {
		columns["timezone"] = found.timezone("timezone", *change.Timezone)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	if len(columns) > 0 {
		update := m.db.WithContext(ctx).Model(&User{}).Where("id = ? AND is_active", id).Updates(columns)
		if update.Error != nil {
			return nil, update.Error
		}
	}
	user, err := m.take(ctx, "id = ? AND is_active", id)
	if errors.Is(err, ErrUserNotFound) {
		return nil, ErrAccountInactive
	}
	return user, err
}

// moment is the time at which something is stored, in UTC and no finer than PostgreSQL keeps it.
func moment(now func() time.Time) time.Time {
	return now().UTC().Truncate(time.Microsecond)
}
