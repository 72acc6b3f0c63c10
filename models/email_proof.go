package models

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"latchkey/mail"
)

// Source names what a rate limit counts a code against: the account of its address, whether there is one or not, together with
// the device that it comes from, if that logged in to it before. It is empty for a token, which can't be guessed.
func (m *VerificationManager) Source(proof EmailProof) string {
	if proof.Token != "" {
		return ""
	}
	account := proof.Email
	if address, err := CanonicalEmail(account); err == nil {
		account = address
	}
	return readDeviceToken(m.devices, proof.DeviceToken, account).sourceFor(account)
}

// prove calls do with the token that a proof is for, and with the guess that it is if it is a code. Errors are those of do, of
// find, and ErrCodeInvalid.
func (m *VerificationManager) prove(
	ctx context.Context, proof EmailProof, from RequestInfo, do func(*OneTimeToken, *guess) error, purposes ...mail.Kind,
) error {
	if proof.Token == "" {
		return m.proveByCode(ctx, typedCode{proof, from, purposes}, do)
	}
	token, err := m.oneTimeTokens.find(ctx, proof.Token, purposes...)
	if token.isDone(m.store.Now()) {
		return nil
	}
	if err != nil {
		return err
	}
	return m.oneTimeTokens.forgiveRace(ctx, token, do(token, nil))
}

// typedCode is a proof that is a code, with what it may be for.
type typedCode struct {
	EmailProof
	from     RequestInfo
	purposes []mail.Kind
}

// proveByCode is prove for a code. A wrong one, and any while too many guesses were wrong, is ErrCodeInvalid; the work is the
// same for every address.
func (m *VerificationManager) proveByCode(ctx context.Context, typed typedCode, do func(*OneTimeToken, *guess) error) error {
	address, err := CanonicalEmail(typed.Email)
	if err != nil {
		return ErrCodeInvalid
	}
	owner, err := m.ownerOf(ctx, address)
	if err != nil {
		return err
	}
	found, err := m.oneTimeTokens.mailedTo(ctx, address, typed.purposes)
	if err != nil {
		return err
	}
	token, wrong := m.oneTimeTokens.match(ctx, found, typed.Code)
	if wrong != nil && !errors.Is(wrong, ErrCodeInvalid) {
		return wrong
	}
	counted := m.guessAt(owner, address, found)
	counted.device = readDeviceToken(m.devices, typed.DeviceToken, address).id
	counted.from = typed.from
	var refused error
	err = m.store.decide(ctx, counted, wrong, func() error {
		refused = do(token, counted)
		return refused
	})
	if errors.Is(err, ErrTooManyGuesses) && !errors.Is(refused, ErrTooManyGuesses) { // and not of the password of the owner
		return ErrCodeInvalid
	}
	return err
}

// ownerOf returns the account of an address with its id alone, or an empty one.
func (m *VerificationManager) ownerOf(ctx context.Context, address string) (*User, error) {
	var found []User
	err := m.store.DB(ctx).Select("id").Where("email = ?", address).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return &User{}, err
	}
	return &found[0], nil
}

// guessAt returns the guess at the codes that were mailed to an address. It is one at the account of that address. A code that
// was mailed to an address without one, because accounts want to change to it, counts for the address, whatever device it comes
// from: whom it would help are the users of those accounts.
func (m *VerificationManager) guessAt(owner *User, address string, found []OneTimeToken) *guess {
	account := accountOf(owner, address)
	if owner.ID == uuid.Nil && len(found) > 0 {
		account = accountOfAddress(address)
	}
	return &guess{account: account, failure: AuditEvent{Kind: EventCodeFailed, UserID: owner.ID}}
}
