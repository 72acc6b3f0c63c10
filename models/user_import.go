package models

import (
	"time"

	"gorm.io/gorm/clause"
)

// insertSize keeps a statement below the 32766 parameters that SQLite takes.
const insertSize = 1000

// insertImported stores imported users as they are, except those whose email or key is taken, and returns how many it stored.
func (m *UserManager) insertImported(tx Tx, users []User) (int, error) {
	result := tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(users, insertSize)
	return int(result.RowsAffected), result.Error
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
// race (see [Claim]).
func (m *UserManager) updateImported(tx Tx, user *User, columns map[string]any) error {
	if len(columns) == 0 {
		return nil
	}
	return Claim(tx.Model(&User{}).
		Where("id = ? AND password = ? AND is_active = ?", user.ID, user.Password, user.IsActive).Updates(columns))
}
