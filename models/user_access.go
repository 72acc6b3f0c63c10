package models

import "time"

// What an account lets happen is decided here, for every way in: a login, a sign-up, a session that is open, a token in a mail, a
// token of the system that the account was imported from. Whether a password is right is another question, which
// [passwords.Pool.Verify] answers alone: it refuses an empty one, whatever is stored.

// mayUse returns ErrAccountInactive unless what was issued for the account before, such as a session or a token in a mail, may be
// used at this moment. An account whose deletion is due is as good as deleted.
func (u *User) mayUse(now time.Time) error {
	if !u.IsActive || u.DeletionDueAt != nil && !u.DeletionDueAt.After(now) {
		return ErrAccountInactive
	}
	return nil
}

// mayOpen returns nil if a session of the account may be opened: it may be used, and the rule admits it. Errors are
// ErrAccountInactive and ErrEmailUnverified.
func (u *User) mayOpen(now time.Time, rule Admission) error {
	if err := u.mayUse(now); err != nil {
		return err
	}
	if rule == AdmitVerified && u.EmailVerifiedAt == nil {
		return ErrEmailUnverified
	}
	return nil
}

// mayAdopt returns nil if a session may be opened for a token that another system issued at this time, which is zero if it is
// unknown. Errors are those of mayOpen, and ErrSessionRevoked for a token that the user has ended, or while the account is to be
// deleted: only a password calls that off.
func (u *User) mayAdopt(now time.Time, rule Admission, issuedAt time.Time) error {
	if err := u.mayOpen(now, rule); err != nil {
		return err
	}
	if u.DeletionDueAt != nil || u.hasEnded(issuedAt) {
		return ErrSessionRevoked
	}
	return nil
}

// hasEnded reports whether the user, or an operator, has ended the tokens that other systems issued for them until this time,
// which is zero if it is unknown. Such times are in whole seconds, cut off, so that a token of the second in which that happened
// has ended.
func (u *User) hasEnded(issuedAt time.Time) bool {
	return u.TokensValidAfter != nil && !issuedAt.After(*u.TokensValidAfter)
}
