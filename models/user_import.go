package models

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// errReserved means that an import brings an email address that another account can still take back.
var errReserved = errors.New("another account can take this email address back")

// insertSize keeps a statement below the 32766 parameters that SQLite takes.
const insertSize = 1000

// insertImported stores imported users as they are, except those whose email or key is taken or whose email is reserved, and
// returns how many it stored.
func (m *UserManager) insertImported(tx Tx, users []User) (int, error) {
	result := tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(users, insertSize)
	if result.Error != nil {
		return 0, result.Error
	}
	withdrawn, err := m.withdrawReserved(tx, users)
	return int(result.RowsAffected - withdrawn), err
}

// withdrawReserved deletes those of the users just stored whose email another account can still take back, and returns how many
// they are.
func (m *UserManager) withdrawReserved(tx Tx, users []User) (int64, error) {
	ids, emails := make([]uuid.UUID, len(users)), make([]string, len(users))
	for i, user := range users {
		ids[i], emails[i] = user.ID, user.Email
	}
	reserved, err := m.reservedAmong(tx, emails)
	if err != nil || len(reserved) == 0 {
		return 0, err
	}
	withdrawn := tx.Where("id IN ? AND email IN ?", ids, reserved).Delete(&User{})
	return withdrawn.RowsAffected, withdrawn.Error
}

// reservedAmong returns those of the emails of users who are new here that another account can still take back.
func (m *UserManager) reservedAmong(tx Tx, emails []string) (reserved []string, err error) {
	undo, err := m.oneTimeTokens.reserved(tx, emails)
	for _, token := range undo {
		reserved = append(reserved, token.Address)
	}
	return reserved, err
}

// with returns the user as columns that an import changes make them, as far as their roles and their access are concerned.
func (u User) with(columns map[string]any) *User {
	if isSuperuser, isChanged := columns["is_superuser"].(bool); isChanged {
		u.IsSuperuser = isSuperuser
	}
	if isActive, isChanged := columns["is_active"].(bool); isChanged {
		u.IsActive = isActive
	}
	if due, isChanged := columns["deletion_due_at"].(*time.Time); isChanged {
		u.DeletionDueAt = due
	}
	return &u
}

// updateImported changes columns of a user whose password and activity are still as they were read, and otherwise loses the
// race (see [Claim]). An email that another account can take back is errReserved.
func (m *UserManager) updateImported(tx Tx, user *User, columns map[string]any) error {
	if len(columns) == 0 {
		return nil
	}
	err := Claim(tx.Model(&User{}).
		Where("id = ? AND password = ? AND is_active = ?", user.ID, user.Password, user.IsActive).Updates(columns))
	email, isMoved := columns["email"].(string)
	if err != nil || !isMoved {
		return err
	}
	if err = m.oneTimeTokens.refuseReserved(tx, email, user.ID); errors.Is(err, gorm.ErrDuplicatedKey) {
		return errReserved
	}
	return err
}
