package models

import (
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// markVerified marks the address of an account as verified, if it still has this one, and reports whether it was not before.
func (m *UserManager) markVerified(tx Tx, id uuid.UUID, address string) (bool, error) {
	claim := tx.Model(&User{}).Where("id = ? AND email = ? AND email_verified_at IS NULL", id, address).
		Update("email_verified_at", tx.Now)
	return claim.RowsAffected == 1, claim.Error
}

// setEmail replaces the address that an account has, if it is still old, by a verified one, and reports whether it did. If
// another account has that, or can still take it back, the error is a *ValidationError.
func (m *UserManager) setEmail(tx Tx, id uuid.UUID, old, address string) (changed bool, err error) {
	err = tx.savepoint(func(tx Tx) error {
		claim := tx.Model(&User{}).Where("id = ? AND email = ?", id, old).
			Updates(map[string]any{"email": address, "email_verified_at": tx.Now})
		if claim.Error != nil {
			return claim.Error
		}
		changed = claim.RowsAffected == 1
		return m.oneTimeTokens.refuseReserved(tx, address, id)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return false, taken()
	}
	return changed, err
}
