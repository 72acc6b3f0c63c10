package models

import (
	"cmp"
	"context"
	"errors"

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
	account  string // names the account, whether there is one or not: the canonical address, or what was typed
	address  string // the canonical address, or empty
	device   device
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
	attempt.device = readDeviceToken(m.devices, request.DeviceToken, attempt.account)
	return attempt
}

// Source names the account that an attempt is for, whether there is one or not, together with the device that it comes
// from, if that logged in to it before: what strangers do does not count against the owner.
func (a LoginAttempt) Source() string { return a.device.sourceFor(a.account) }

// Login opens a session of the active user whom email and password belong to. Every refusal is ErrInvalidCredentials and
// costs one hash, that of a locked account too; ErrOverloaded means that the password was not looked at, and a
// *ValidationError that it is longer than any.
func (m *LoginManager) Login(ctx context.Context, attempt LoginAttempt) (opened *SessionTokens, err error) {
	if violation := passwords.LengthViolation(attempt.password); violation != nil {
		return nil, &ValidationError{Errors: []FieldError{{Field: "password", Code: violation.Code, Message: violation.Message}}}
	}
	hashing := ctx
	if attempt.device.isBound {
		hashing = passwords.Ahead(ctx)
	}
	user, outdated, wrong := m.users.authenticate(hashing, attempt.address, attempt.password)
	if wrong != nil && !errors.Is(wrong, ErrInvalidCredentials) {
		return nil, wrong
	}
	// The password is looked at before the count: a try that finds the account locked tells nothing, so that only those
	// which were counted are worth anything, however many are made at once.
	counted := &guess{
		account: accountOf(user, attempt.account), device: attempt.device.id, from: attempt.from,
		failure: AuditEvent{Kind: EventLoginFailed, UserID: user.ID},
	}
	var unverified error
	err = m.store.decide(ctx, counted, wrong, func() error {
		if errors.Is(user.mayOpen(m.store.Now(), m.admission), ErrEmailUnverified) {
			unverified = ErrEmailUnverified
			return m.refuseUnverified(ctx, counted)
		}
		opened, err = m.open(ctx, user, counted, attempt.from)
		return err
	})
	if errors.Is(err, ErrTooManyGuesses) {
		return nil, ErrInvalidCredentials
	}
	if err := cmp.Or(err, unverified); err != nil {
		return nil, err
	}
	if outdated {
		// Only now, or a second hash would tell a right password for a locked account. A login does not fail for it: the
		// next one tries again.
		_ = m.users.upgradePassword(ctx, user, attempt.password)
	}
	return opened, nil
}

// Open opens the first session of a user who has just signed up.
func (m *LoginManager) Open(ctx context.Context, user *User, from RequestInfo) (*SessionTokens, error) {
	return m.open(ctx, user, nil, from)
}

// refuseUnverified leaves a trace of who knows the password of an account whose address is not verified.
func (m *LoginManager) refuseUnverified(ctx context.Context, counted *guess) error {
	return m.store.Transaction(ctx, func(tx Tx) error {
		if err := counted.hold(tx); err != nil {
			return err
		}
		failure := counted.failed()
		failure.Detail = DetailUnverified
		return tx.record(failure, counted.from)
	})
}

// open opens a session for a right guess, or without one. A device that was not known gets a row of its own.
func (m *LoginManager) open(
	ctx context.Context, user *User, counted *guess, from RequestInfo,
) (opened *SessionTokens, err error) {
	err = m.store.Transaction(ctx, func(tx Tx) error {
		// The user is locked first: that makes a change of password, which ends all sessions, wait or win.
		if err := m.users.recordLogin(tx, user, m.admission); err != nil {
			return err
		}
		if err := counted.accept(tx); err != nil {
			return err
		}
		device, isKnown := counted.knownDevice()
		if !isKnown {
			if device, err = newDeviceID(); err != nil {
				return err
			}
		}
		if opened, err = m.sessions.createFor(tx, user, device, from); err != nil {
			return err
		}
		if err := recordCancelledDeletion(tx, user, from); err != nil || isKnown {
			return err
		}
		return registerDevice(tx, opened.Session, from)
	})
	if err != nil {
		return nil, err
	}
	user.DeletionDueAt = nil
	opened.DeviceToken = m.devices.Encode(tokens.Handle{ID: *opened.Session.DeviceID, Counters: addressHash(user.Email)})
	return opened, nil
}
