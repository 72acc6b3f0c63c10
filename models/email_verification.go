package models

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"latchkey/mail"
	"latchkey/tokens"
)

// ErrEmailUnverified means that the password was right, and the account's address has to be verified before a login.
var ErrEmailUnverified = errors.New("the account's email address has not been verified")

// VerificationManager runs what a user confirms by mail: verifying and changing an email address, and resetting a password.
type VerificationManager struct {
	store         Store
	users         *UserManager
	sessions      *SessionManager
	oneTimeTokens *OneTimeTokenManager
	devices       *tokens.Codec
}

// NewVerificationManager makes a manager whose proofs are those of oneTimeTokens, and that reads device tokens with devices.
func NewVerificationManager(
	store Store, users *UserManager, sessions *SessionManager, oneTimeTokens *OneTimeTokenManager, devices *tokens.Codec,
) *VerificationManager {
	return &VerificationManager{
		store: store, users: users, sessions: sessions, oneTimeTokens: oneTimeTokens, devices: devices,
	}
}

// SendVerification queues another mail that asks to verify an address. It reveals to nobody whether there is something to
// verify: the work is the same for any address, and the mail is dropped when it would be sent.
func (m *VerificationManager) SendVerification(ctx context.Context, email string) error {
	return m.sendTo(ctx, mail.VerifyEmail, email)
}

// sendTo queues a mail to the account of a typed address, or to nobody.
func (m *VerificationManager) sendTo(ctx context.Context, kind mail.Kind, email string) error {
	user, err := m.users.ByEmail(ctx, email)
	if errors.Is(err, ErrUserNotFound) {
		user, err = &User{}, nil
	}
	if err != nil {
		return err
	}
	return m.oneTimeTokens.send(ctx, kind, user.ID)
}

// VerifyEmail verifies the address of an account, or changes it to the one that a proof of such a change is for, which only the
// owner of the account can do. It returns nil too for the token of a change that has been made and still holds. Errors are
// ErrOneTimeTokenInvalid, -Expired and -Used, ErrCodeInvalid, a *ValidationError if the owner is not that of the account, or
// another account has the new address by now, and ErrTooManyGuesses if too many passwords were.
func (m *VerificationManager) VerifyEmail(ctx context.Context, proof EmailProof, owner Owner, from RequestInfo) error {
	return m.prove(ctx, proof, from, func(token *OneTimeToken, counted *guess) error {
		if token.Purpose != mail.ChangeEmail {
			return m.oneTimeTokens.redeem(ctx, token, counted, func(tx Tx) error { return m.markVerified(tx, token, from) })
		}
		typed := currentPassword{password: owner.Password, from: from}
		typed.device = readDeviceToken(m.devices, proof.DeviceToken, token.User.Email).id
		if err := m.requireOwner(ctx, token.User, owner.UserID, typed); err != nil {
			return err
		}
		return m.oneTimeTokens.redeem(ctx, token, counted, func(tx Tx) error { return m.changeEmail(tx, token, from) })
	}, mail.VerifyEmail, mail.ChangeEmail)
}

// Peek returns what redeeming the token of a link for one of the purposes would come to, and redeems nothing: nil, or its error.
// isDone reports that what the token is for is the case already.
func (m *VerificationManager) Peek(ctx context.Context, encoded string, purposes ...mail.Kind) (isDone bool, err error) {
	token, err := m.oneTimeTokens.find(ctx, encoded, purposes...)
	return token.isDone(m.store.Now()), err
}

// markVerified marks the address of a token as verified, unless it has been verified before in another way.
func (m *VerificationManager) markVerified(tx Tx, token *OneTimeToken, from RequestInfo) error {
	changed, err := m.users.markVerified(tx, token.UserID, token.Address)
	if err != nil || !changed {
		return err
	}
	return tx.record(AuditEvent{Kind: EventEmailVerified, UserID: token.UserID, ActorID: &token.UserID}, from)
}

// endEverything ends every session and every pending token of a user whose password has just been replaced by mail, except
// those by which an address that the account had before takes a change back: whoever changed it could reset the password too.
// The detail says how that came.
func (m *VerificationManager) endEverything(tx Tx, user uuid.UUID, detail string, from RequestInfo) error {
	if err := m.oneTimeTokens.end(tx, tokenCancelled, "user_id = ? AND purpose <> ?", user, PurposeUndoChange); err != nil {
		return err
	}
	event := AuditEvent{Kind: EventPasswordChanged, UserID: user, ActorID: &user, Detail: detail}
	if err := tx.record(event, from); err != nil {
		return err
	}
	_, err := m.sessions.endAllBut(tx, uuid.Nil, Ending{EndedByPasswordChange, from}, user)
	return err
}

// AddressOf returns where the mail of a token went that was to verify an address or to reset a password, whatever became of
// it. ErrOneTimeTokenInvalid means that the text is no such token, or one of too long ago.
func (m *VerificationManager) AddressOf(ctx context.Context, encoded string) (string, error) {
	token, err := m.oneTimeTokens.find(ctx, encoded, mail.VerifyEmail, mail.ResetPassword)
	if token == nil {
		return "", err
	}
	return token.Address, nil
}
