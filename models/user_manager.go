package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"latchkey/passwords"
)

var (
	// ErrInvalidCredentials means that email and password don't open an account: unknown, wrong, inactive and without
	// a usable password are one answer, so that nobody learns which emails have an account.
	ErrInvalidCredentials = errors.New("no active account has this email and password")
	// ErrAccountInactive means that the account was disabled or deleted after its user had authenticated.
	ErrAccountInactive = errors.New("the account is inactive or has been deleted")
	// ErrUserNotFound means that no account has this email.
	ErrUserNotFound = errors.New("no account has this email address")
	// ErrLastSuperuser means that a change would leave nobody who can administer the service.
	ErrLastSuperuser = errors.New("this is the last active superuser")
	// ErrOverloaded means that the password could not be checked in time because too many are being checked.
	ErrOverloaded = passwords.ErrOverloaded
)

// NewUser is the input of CreateUser. It has no role fields, so a request cannot grant itself one.
type NewUser struct {
	Email     string
	Password  string
	FirstName string
	LastName  string
	Locale    string      // a language tag (BCP 47); an invalid one is stored as an empty one
	From      RequestInfo // where the request comes from
}

// ProfileChange holds the profile fields to change; nil leaves a field as it is.
type ProfileChange struct {
	FirstName *string
	LastName  *string
	Locale    *string // BCP 47; empty for no preference
	Timezone  *string // IANA; empty for no preference
}

// UserManager creates, finds, authenticates and administers users.
type UserManager struct {
	store         Store
	rules         PasswordRules
	sessions      *SessionManager
	oneTimeTokens *OneTimeTokenManager
}

// PasswordRules are how passwords are hashed and judged. Decoys choose the hashes that passwords are verified against where
// no account has the address. The first of ImportKeys makes the MACs by which a password that came with an import is recognised;
// the others are its fallbacks.
type PasswordRules struct {
	Hasher     *passwords.Pool
	Policy     *passwords.Policy
	Decoys     *passwords.Decoys
	ImportKeys [][]byte
}

// NewUserManager makes a manager that treats passwords by rules. What a user's change ends, it ends in sessions and in
// oneTimeTokens, in the same transaction.
func NewUserManager(
	store Store, rules PasswordRules, sessions *SessionManager, oneTimeTokens *OneTimeTokenManager,
) *UserManager {
	return &UserManager{store: store, rules: rules, sessions: sessions, oneTimeTokens: oneTimeTokens}
}

// CreateUser stores an active account without roles. Every fault in the input, a taken email among them, is in the
// *ValidationError that it returns, under the fields email, password, first_name and last_name.
func (m *UserManager) CreateUser(ctx context.Context, input NewUser) (*User, error) {
	return m.create(ctx, input, &User{})
}

// CreateSuperuser stores an active account with every role, whose address its creator vouches for. Errors are those of
// CreateUser.
func (m *UserManager) CreateSuperuser(ctx context.Context, input NewUser) (*User, error) {
	now := m.store.Now()
	return m.create(ctx, input, &User{IsStaff: true, IsSuperuser: true, EmailVerifiedAt: &now})
}

func (m *UserManager) create(ctx context.Context, input NewUser, user *User) (*User, error) {
	var invalid fieldErrors
	user.Email = invalid.email("email", input.Email)
	user.FirstName = invalid.name("first_name", input.FirstName)
	user.LastName = invalid.name("last_name", input.LastName)
	user.Locale = knownLocale(input.Locale)
	if err := m.validatePassword(ctx, &invalid, "password", input.Password, user); err != nil {
		return nil, err
	}
	if err := invalid.err(); err != nil {
		return nil, err
	}
	if err := m.oneTimeTokens.checkDeliverable(ctx, "email", user.Email); err != nil {
		return nil, err
	}
	encoded, err := m.rules.Hasher.Hash(ctx, input.Password)
	if err != nil {
		return nil, err
	}
	user.Password = encoded
	return user, m.insert(ctx, user, input.From)
}

// validatePassword holds password against the policy, which knows the user's own words. A password can be chosen so that
// rating it takes longer than hashing it, so that happens where hashes are computed. It fails only if that can't start in time.
func (m *UserManager) validatePassword(ctx context.Context, invalid *fieldErrors, field, password string, user *User) error {
	if password == "" {
		invalid.add(field, CodeRequired, "This field is required.")
		return nil
	}
	return m.rules.Hasher.Do(ctx, func() {
		for _, violation := range m.rules.Policy.Check(password, user.Email, user.FirstName, user.LastName) {
			invalid.add(field, violation.Code, violation.Message)
		}
	})
}

func (m *UserManager) insert(ctx context.Context, user *User, from RequestInfo) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make a user id: %w", err)
	}
	err = m.store.Transaction(ctx, func(tx Tx) error {
		user.ID, user.IsActive, user.DateJoined = id, true, tx.Now
		if user.EmailVerifiedAt != nil {
			user.EmailVerifiedAt = &tx.Now
		}
		if err := tx.Create(user).Error; err != nil {
			return err
		}
		if err := m.oneTimeTokens.refuseReserved(tx, user.Email, user.ID); err != nil {
			return err
		}
		return tx.record(AuditEvent{Kind: EventSignedUp, UserID: user.ID}, from)
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

// ByEmail returns the account, active or not, of an address in any spelling, or ErrUserNotFound.
func (m *UserManager) ByEmail(ctx context.Context, email string) (*User, error) {
	return userByEmail(m.store.DB(ctx), email)
}

func userByEmail(db *gorm.DB, email string) (*User, error) {
	canonical, err := CanonicalEmail(email)
	if err != nil {
		return nil, ErrUserNotFound
	}
	return takeUser(db, "email = ?", canonical)
}

func takeUser(db *gorm.DB, condition string, argument any) (*User, error) {
	var user User
	err := db.Where(condition, argument).Take(&user).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, ErrUserNotFound
	}
	if err != nil {
		return nil, err
	}
	return &user, nil
}

// lockUser reads a user and locks their row until the transaction ends, or returns ErrUserNotFound. Whatever writes several
// rows of an account locks the user's row before all others, so that two such transactions wait for each other there alone.
// (To insert or delete a row that refers to a user locks the user too.) Whatever locks several users takes all superusers first
// (see [lockSuperusers]) and then the others, by id.
func lockUser(tx Tx, id uuid.UUID) (*User, error) {
	return takeUser(tx.Clauses(clause.Locking{Strength: "UPDATE"}), "id = ?", id)
}

// Each calls visit with every user, in the order of their ids, until there are no more or visit fails. It reads them a
// thousand at a time.
func (m *UserManager) Each(ctx context.Context, visit func(*User) error) error {
	const batch = 1000
	var after uuid.UUID
	for {
		var users []User
		if err := m.store.DB(ctx).Where("id > ?", after).Order("id").Limit(batch).Find(&users).Error; err != nil {
			return err
		}
		for i := range users {
			if err := visit(&users[i]); err != nil {
				return err
			}
		}
		if len(users) < batch {
			return nil
		}
		after = users[len(users)-1].ID
	}
}

// UpdateProfile changes a user's profile and returns the user as stored. Faults in the input are in the *ValidationError that
// it returns; ErrAccountInactive means that there is no such active user.
func (m *UserManager) UpdateProfile(ctx context.Context, id uuid.UUID, change ProfileChange) (*User, error) {
	columns, err := change.columns()
	if err != nil {
		return nil, err
	}
	var user *User
	err = m.store.Transaction(ctx, func(tx Tx) error { // or the change would stay although the user couldn't be read
		if len(columns) > 0 {
			if err := tx.Model(&User{}).Where("id = ? AND is_active", id).Updates(columns).Error; err != nil {
				return err
			}
		}
		user, err = takeUser(tx.DB, "id = ? AND is_active", id)
		return err
	})
	if errors.Is(err, ErrUserNotFound) {
		return nil, ErrAccountInactive
	}
	return user, err
}

func (c ProfileChange) columns() (map[string]any, error) {
	var invalid fieldErrors
	columns := map[string]any{}
	if c.FirstName != nil {
		columns["first_name"] = invalid.name("first_name", *c.FirstName)
	}
	if c.LastName != nil {
		columns["last_name"] = invalid.name("last_name", *c.LastName)
	}
	if c.Locale != nil {
		columns["locale"] = invalid.locale("locale", *c.Locale)
	}
	if c.Timezone != nil {
		columns["timezone"] = invalid.timezone("timezone", *c.Timezone)
	}
	return columns, invalid.err()
}
