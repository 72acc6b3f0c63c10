package models

import (
	"context"
	"errors"

	"latchkey/mail"
)

// SignUp is CreateUser for a service that reveals to nobody whether an email is taken. If it is, its owner learns by mail
// that they have an account, or, if nobody has verified the address yet, is asked to choose a password for it. The password of
// this sign-up is dropped: it may be a stranger's.
func (m *UserManager) SignUp(ctx context.Context, input NewUser) error {
	applicant, err := m.CreateUser(ctx, input)
	if !isTaken(err) {
		return err
	}
	owner, err := m.ByEmail(ctx, applicant.Email)
	if errors.Is(err, ErrUserNotFound) { // a reserved address, or an account that was deleted meanwhile
		owner, err = &User{}, nil
	}
	if err != nil {
		return err
	}
	kind := mail.ResetPassword
	if owner.EmailVerifiedAt != nil {
		kind = mail.AccountExists
	}
	return m.oneTimeTokens.send(ctx, kind, owner.ID)
}
