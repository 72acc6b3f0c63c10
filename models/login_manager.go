package models

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"latchkey/passwords"
	"latchkey/tokens"
)

// LoginAttempt is what a client that wants to log in says. DeviceToken is the one of an earlier login, or empty.
type LoginAttempt struct {
	Email       string
	Password    string
	DeviceToken string
	Client      Client
}

// LoginManager logs users in and counts the logins that fail. It is the only code that writes the login_throttles table,
// except that a session which ends otherwise than by logging out takes its device along.
type LoginManager struct {
	users    *UserManager
	sessions *SessionManager
	devices  *tokens.Opaque

	admission Admission
}

// NewLoginManager makes a manager that works in the database of users and makes device tokens with devices.
func NewLoginManager(
	users *UserManager, sessions *SessionManager, devices *tokens.Opaque, admission Admission,
) *LoginManager {
	return &LoginManager{users: users, sessions: sessions, devices: devices, admission: admission}
}

// Admission is whom a right password lets in.
type Admission int

// AdmitAll lets every active user in, AdmitVerified those who have confirmed their address.
const (
	AdmitAll Admission = iota
	AdmitVerified
)

// Login opens a session of the active user whom email and password belong to. Every refusal is ErrInvalidCredentials and
// costs one hash, that of a locked account too; ErrOverloaded means that the password was not looked at, and a
// *ValidationError that it is longer than any.
func (m *LoginManager) Login(ctx context.Context, attempt LoginAttempt) (*Grant, error) {
	if fault := passwords.LengthFault(attempt.Password); fault != nil {
		return nil, &ValidationError{Errors: []FieldError{{Field: "password", Code: fault.Code, Message: fault.Message}}}
	}
	user, err := m.users.forLogin(ctx, attempt.Email)
	if err != nil {
		return nil, err
	}
	outdated, wrong := m.users.authenticate(ctx, user, attempt.Password)
	if wrong != nil && !errors.Is(wrong, ErrInvalidCredentials) {
		return nil, wrong
	}
	// The password is looked at before the count: a try that finds the account locked tells nothing, so that only those
	// which were counted are worth anything, however many are made at once.
	grant, err := m.decideAgain(ctx, user, attempt, wrong)
	if err == nil && outdated {
		// Only now, or a second hash would tell a right password for a locked account. A login does not fail for it: the
		// next one tries again.
		_ = m.users.upgrade(ctx, user, attempt.Password)
	}
	return grant, err
}

// decideAgain decides until no other attempt changed the count meanwhile.
func (m *LoginManager) decideAgain(
	ctx context.Context, user *User, attempt LoginAttempt, wrong error,
) (*Grant, error) {
	for {
		grant, err := m.decide(ctx, user, attempt, wrong)
		if !errors.Is(err, errLostRace) {
			return grant, err
		}
	}
}

// Open opens the first session of a user who has just signed up.
func (m *LoginManager) Open(ctx context.Context, user *User, client Client) (*Grant, error) {
	throttle := newThrottle(user.ID, uuid.Nil, moment(m.users.now))
	return m.accept(ctx, user, throttle, client)
}

// decide answers an attempt whose password was found to be right (nil) or wrong, by the count as it is now.
func (m *LoginManager) decide(
	ctx context.Context, user *User, attempt LoginAttempt, wrong error,
) (*Grant, error) {
	now := moment(m.users.now)
	throttle, err := m.read(ctx, accountOf(user, attempt.Email), m.device(attempt.DeviceToken), now)
	if err != nil {
		return nil, err
	}
	if wrong == nil && !throttle.locked(now) {
		if m.admission == AdmitVerified && user.EmailVerifiedAt == nil {
			return nil, m.turnAway(ctx, user, attempt.Client)
		}
		return m.accept(ctx, user, throttle, attempt.Client)
	}
	if err := m.refuse(ctx, user, throttle, attempt.Client); err != nil {
		return nil, err
	}
	if wrong == nil {
		return nil, ErrInvalidCredentials
	}
	return nil, wrong
}

// turnAway answers ErrEmailUnverified, and leaves a trace of who knows the password.
func (m *LoginManager) turnAway(ctx context.Context, user *User, client Client) error {
	failed := AuditEvent{Kind: EventLoginFailed, UserID: user.ID, Detail: DetailUnverified}
	if err := m.users.audit.record(m.users.db.WithContext(ctx), failed, client); err != nil {
		return err
	}
	return ErrEmailUnverified
}

// Source names the account that an attempt is for, whether there is one or not, together with the device that it comes
// from, if that logged in to it before: what strangers do does not count against the owner.
func (m *LoginManager) Source(attempt LoginAttempt) string {
	account := attempt.Email
	if canonical, err := CanonicalEmail(account); err == nil {
		account = canonical
	}
	parts, err := m.devices.Decode(attempt.DeviceToken)
	if err != nil || parts.Counters != boundTo(account) {
		parts.ID = uuid.Nil
	}
	return account + " " + parts.ID.String()
}

// boundTo is what a device token says of the address that its account had then: enough to tell whose it is without a look at
// the database.
func boundTo(email string) [2]uint32 {
	sum := sha256.Sum256([]byte("device of " + email))
	return [2]uint32{binary.BigEndian.Uint32(sum[:]), binary.BigEndian.Uint32(sum[4:])}
}

// device is the one that a token names, and the strangers' if that is not a token of ours. Whether the account knows it, and
// also after a change of its address, the database says.
func (m *LoginManager) device(token string) uuid.UUID {
	parts, err := m.devices.Decode(token)
	if err != nil {
		return uuid.Nil
	}
	return parts.ID
}

// read finds the count of a device that the account knows, and that of strangers for any other.
func (m *LoginManager) read(ctx context.Context, account, device uuid.UUID, now time.Time) (*LoginThrottle, error) {
	var found []LoginThrottle
	err := m.users.db.WithContext(ctx).
		Where("account_id = ? AND device_id IN ?", account, []uuid.UUID{device, uuid.Nil}).Find(&found).Error
	if err != nil {
		return nil, err
	}
	throttle := newThrottle(account, uuid.Nil, now)
	for _, row := range found {
		if throttle.isNew() || row.DeviceID != uuid.Nil {
			throttle = &row
		}
	}
	return throttle, nil
}

// accept opens a session. A device that was not known gets a row of its own; the count of strangers stays as it is, so
// that a guesser gains nothing by the owner's logging in.
func (m *LoginManager) accept(ctx context.Context, user *User, throttle *LoginThrottle, client Client) (*Grant, error) {
	now := moment(m.users.now)
	device := throttle.DeviceID
	if device == uuid.Nil {
		made, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make a device id: %w", err)
		}
		device = made
	}
	var grant *Grant
	err := m.users.db.WithContext(ctx).Transaction(func(tx *gorm.DB) (err error) {
		if grant, err = m.sessions.open(tx, user, client, &device); err != nil {
			return err
		}
		if throttle.DeviceID == uuid.Nil {
			return m.welcome(tx, newThrottle(user.ID, device, now), grant, client)
		}
		return claim(tx, throttle, newThrottle(user.ID, device, now))
	})
	if err != nil {
		return nil, err
	}
	grant.DeviceToken = m.devices.Encode(tokens.Parts{ID: device, Counters: boundTo(user.Email)})
	return grant, nil
}

// welcome makes a device known, and tells the user unless it is his first.
func (m *LoginManager) welcome(tx *gorm.DB, device *LoginThrottle, grant *Grant, client Client) error {
	var others int64
	err := tx.Model(&LoginThrottle{}).
		Where("account_id = ? AND device_id <> ?", device.AccountID, uuid.Nil).Limit(1).Count(&others).Error
	if err != nil {
		return err
	}
	if others > 0 {
		event := AuditEvent{
			Kind: EventNewDevice, UserID: grant.User.ID, ActorID: &grant.User.ID, SessionID: grant.Session.ID,
		}
		if err := m.users.audit.record(tx, event, client); err != nil {
			return err
		}
	}
	return remember(tx, device)
}

// remember makes a device known, and forgets those seen longest ago if there are too many.
func remember(tx *gorm.DB, device *LoginThrottle) error {
	if err := tx.Create(device).Error; err != nil {
		return err
	}
	recent := tx.Session(&gorm.Session{NewDB: true}).Model(&LoginThrottle{}).Select("device_id").
		Where("account_id = ? AND device_id <> ?", device.AccountID, uuid.Nil).
		Order("seen_at DESC, device_id DESC").Limit(maxDevices)
	return tx.Where("account_id = ? AND device_id <> ? AND device_id NOT IN (?)", device.AccountID, uuid.Nil, recent).
		Delete(&LoginThrottle{}).Error
}

// refuse counts a failure, whatever becomes of the request. While locked only the refusal itself is counted.
func (m *LoginManager) refuse(ctx context.Context, user *User, throttle *LoginThrottle, client Client) error {
	now := moment(m.users.now)
	next, failed := *throttle, AuditEvent{Kind: EventLoginFailed, UserID: user.ID}
	wasLocked := throttle.locked(now)
	if wasLocked {
		next.Refused++
		failed.Detail = DetailLocked
	} else {
		next = throttle.afterFailure(now)
	}
	return m.users.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := claim(tx, throttle, &next); err != nil {
			return err
		}
		if err := m.users.audit.record(tx, failed, client); err != nil || wasLocked || !next.locked(now) {
			return err
		}
		return m.users.audit.record(tx, AuditEvent{Kind: EventAccountLocked, UserID: user.ID}, client)
	})
}

// claim replaces a row that is still as it was read, or adds it if there was none, and answers errLostRace otherwise.
func claim(tx *gorm.DB, read, next *LoginThrottle) error {
	if read.isNew() {
		created := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(next)
		return raced(created)
	}
	return raced(tx.Model(&LoginThrottle{}).
		Where("account_id = ? AND device_id = ? AND failures = ? AND refused = ? AND failed_at = ?",
			read.AccountID, read.DeviceID, read.Failures, read.Refused, read.FailedAt).
		Select("failures", "refused", "failed_at", "locked_until", "seen_at").Updates(next))
}

func raced(result *gorm.DB) error {
	if result.Error == nil && result.RowsAffected != 1 {
		return errLostRace
	}
	return result.Error
}

// DeleteForgotten deletes at most limit counts that say nothing any more: of strangers, once their failures are
// forgotten, and of devices that were not seen for too long. It counts what it deletes.
func (m *LoginManager) DeleteForgotten(ctx context.Context, limit int) (int64, error) {
	now := moment(m.users.now)
	db := m.users.db
	forgotten := db.Model(&LoginThrottle{}).Select("account_id, device_id").
		Where("(device_id = ? AND failed_at < ?) OR seen_at < ?", uuid.Nil, now.Add(-FailureMemory), now.Add(-deviceMemory)).
		Limit(limit)
	deleted := db.WithContext(ctx).Where("(account_id, device_id) IN (?)", forgotten).Delete(&LoginThrottle{})
	return deleted.RowsAffected, deleted.Error
}
