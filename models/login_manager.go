package models

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/google/uuid"

	"latchkey/passwords"
	"latchkey/tokens"
)

// LoginRequest is what a client sends to log in. DeviceToken is that of an earlier login, or empty.
type LoginRequest struct {
	Email       string
	Password    string
	DeviceToken string
	From        RequestInfo
}

// LoginAttempt is a LoginRequest as Prepare has read it.
type LoginAttempt struct {
	account  string    // names the account, whether there is one or not: the canonical address, or what was typed
	address  string    // the canonical address, or empty
	device   uuid.UUID // that of a valid device token, or zero
	isBound  bool      // the device token was made for this address
	password string
	from     RequestInfo
}

// Admission says whom a right password lets in.
type Admission int

// AdmitAll lets every active user in, AdmitVerified those who have verified their address.
const (
	AdmitAll Admission = iota
	AdmitVerified
)

// LoginManager logs users in and counts the logins that fail.
type LoginManager struct {
	store     Store
	users     *UserManager
	sessions  *SessionManager
	devices   *tokens.Codec
	admission Admission
}

// NewLoginManager makes a manager that makes device tokens with devices.
func NewLoginManager(
	store Store, users *UserManager, sessions *SessionManager, devices *tokens.Codec, admission Admission,
) *LoginManager {
	return &LoginManager{store: store, users: users, sessions: sessions, devices: devices, admission: admission}
}

// Prepare canonicalises the address of a login and verifies its device token. It does not ask the database.
func (m *LoginManager) Prepare(request LoginRequest) LoginAttempt {
	attempt := LoginAttempt{account: request.Email, password: request.Password, from: request.From}
	if address, err := CanonicalEmail(request.Email); err == nil {
		attempt.account, attempt.address = address, address
	}
	if device, err := m.devices.Decode(request.DeviceToken); err == nil {
		attempt.device, attempt.isBound = device.ID, device.Counters == addressHash(attempt.account)
	}
	return attempt
}

// Source names the account that an attempt is for, whether there is one or not, together with the device that it comes
// from, if that logged in to it before: what strangers do does not count against the owner.
func (a LoginAttempt) Source() string {
	device := uuid.Nil
	if a.isBound {
		device = a.device
	}
	return a.account + " " + device.String()
}

// addressHash is what a device token says of the address that its account had then: enough to tell whose it is without a look
// at the database.
func addressHash(address string) [2]uint32 {
	sum := sha256.Sum256([]byte("device of " + address))
	return [2]uint32{binary.BigEndian.Uint32(sum[:]), binary.BigEndian.Uint32(sum[4:])}
}

// Login opens a session of the active user whom email and password belong to. Every refusal is ErrInvalidCredentials and
// costs one hash, that of a locked account too; ErrOverloaded means that the password was not looked at, and a
// *ValidationError that it is longer than any.
func (m *LoginManager) Login(ctx context.Context, attempt LoginAttempt) (opened *SessionTokens, err error) {
	if violation := passwords.LengthViolation(attempt.password); violation != nil {
		return nil, &ValidationError{Errors: []FieldError{{Field: "password", Code: violation.Code, Message: violation.Message}}}
	}
	hashing := ctx
	if attempt.isBound {
		hashing = passwords.Ahead(ctx)
	}
	user, outdated, wrong := m.users.authenticate(hashing, attempt.address, attempt.password)
	if wrong != nil && !errors.Is(wrong, ErrInvalidCredentials) {
		return nil, wrong
	}
	// The password is looked at before the count: a try that finds the account locked tells nothing, so that only those
	// which were counted are worth anything, however many are made at once.
	err = Retry(func() error {
		opened, err = m.decide(ctx, user, attempt, wrong)
		return err
	})
	if err == nil && outdated {
		// Only now, or a second hash would tell a right password for a locked account. A login does not fail for it: the
		// next one tries again.
		_ = m.users.upgradePassword(ctx, user, attempt.password)
	}
	return opened, err
}

// Open opens the first session of a user who has just signed up.
func (m *LoginManager) Open(ctx context.Context, user *User, from RequestInfo) (*SessionTokens, error) {
	return m.open(ctx, user, newThrottle(user.ID, uuid.Nil, m.store.Now()), from)
}

// decide grants or refuses an attempt whose password was found to be right (nil) or wrong, by the count as it is now.
func (m *LoginManager) decide(ctx context.Context, user *User, attempt LoginAttempt, wrong error) (*SessionTokens, error) {
	now := m.store.Now()
	throttle, err := readThrottle(m.store.DB(ctx), accountOf(user, attempt.account), attempt.device, now)
	switch {
	case err != nil:
		return nil, err
	case wrong != nil || throttle.locked(now):
		if err := m.refuse(ctx, user, throttle, attempt.from); err != nil {
			return nil, err
		}
		return nil, cmp.Or(wrong, ErrInvalidCredentials)
	case errors.Is(user.mayOpen(now, m.admission), ErrEmailUnverified):
		return nil, m.refuseUnverified(ctx, user, attempt.from)
	default:
		return m.open(ctx, user, throttle, attempt.from)
	}
}

// refuse counts a failure, whatever becomes of the request. While locked only the refusal itself is counted.
func (m *LoginManager) refuse(ctx context.Context, user *User, throttle *LoginThrottle, from RequestInfo) error {
	return m.store.Transaction(ctx, func(tx Tx) error {
		next, failed := *throttle, AuditEvent{Kind: EventLoginFailed, UserID: user.ID}
		wasLocked := throttle.locked(tx.Now)
		if wasLocked {
			next.Refused++
			failed.Detail = DetailLocked
		} else {
			next = throttle.afterFailure(tx.Now)
		}
		if err := claimThrottle(tx, throttle, &next); err != nil {
			return err
		}
		if err := tx.record(failed, from); err != nil || wasLocked || !next.locked(tx.Now) {
			return err
		}
		return tx.record(AuditEvent{Kind: EventAccountLocked, UserID: user.ID}, from)
	})
}

// refuseUnverified returns ErrEmailUnverified, and leaves a trace of who knows the password.
func (m *LoginManager) refuseUnverified(ctx context.Context, user *User, from RequestInfo) error {
	err := m.store.Transaction(ctx, func(tx Tx) error {
		return tx.record(AuditEvent{Kind: EventLoginFailed, UserID: user.ID, Detail: DetailUnverified}, from)
	})
	return cmp.Or(err, ErrEmailUnverified)
}

// open opens a session. A device that was not known gets a row of its own; the count of strangers stays as it is, so that a
// guesser gains nothing by the owner's logging in.
func (m *LoginManager) open(
	ctx context.Context, user *User, throttle *LoginThrottle, from RequestInfo,
) (opened *SessionTokens, err error) {
	err = m.store.Transaction(ctx, func(tx Tx) error {
		// The user is locked first: that makes a change of password, which ends all sessions, wait or win.
		if err := m.users.recordLogin(tx, user, m.admission); err != nil {
			return err
		}
		device, err := newDevice(user.ID, throttle, tx.Now)
		if err != nil {
			return err
		}
		if opened, err = m.sessions.createFor(tx, user, device.DeviceID, from); err != nil {
			return err
		}
		if err := recordCancelledDeletion(tx, user, from); err != nil {
			return err
		}
		if throttle.DeviceID != uuid.Nil {
			return claimThrottle(tx, throttle, device)
		}
		return registerDevice(tx, device, opened.Session, from)
	})
	if err != nil {
		return nil, err
	}
	user.DeletionDueAt = nil
	opened.DeviceToken = m.devices.Encode(tokens.Handle{ID: *opened.Session.DeviceID, Counters: addressHash(user.Email)})
	return opened, nil
}
