package models

import (
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"
)

// superusers are all active superusers, by id, in a transaction that keeps them from changing.
type superusers []User

// lockSuperusers reads and locks all active superusers. Whatever could take the last of them away does so first, so that of
// two changes at once the later one finds what the earlier one left.
func lockSuperusers(tx Tx) (found superusers, err error) {
	err = tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("is_superuser AND is_active").Order("id").Find(&found).Error
	return found, err
}

// lockUsers locks these users, of a transaction that has locked the superusers.
func lockUsers(tx Tx, users []uuid.UUID) error {
	var locked []uuid.UUID
	return tx.Model(&User{}).Clauses(clause.Locking{Strength: "UPDATE"}).Where("id IN ?", users).Order("id").
		Pluck("id", &locked).Error
}

// lockUsersAfter locks the users that follow an id, at most limit, and returns their ids in order.
func lockUsersAfter(tx Tx, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	if _, err := lockSuperusers(tx); err != nil {
		return nil, err
	}
	var users []uuid.UUID
	err := tx.Model(&User{}).Clauses(clause.Locking{Strength: "UPDATE"}).Where("id > ?", after).Order("id").Limit(limit).
		Pluck("id", &users).Error
	return users, err
}

// administers reports whether a user can administer the service, and has not asked to be deleted.
func (u *User) administers() bool { return u.IsSuperuser && u.IsActive && u.DeletionDueAt == nil }

// isLast reports whether a user is a superuser without whom nobody would be left to administer the service.
func (s superusers) isLast(user *User) bool {
	isOne := func(other User) bool { return other.ID == user.ID }
	staysWithout := func(other User) bool { return other.ID != user.ID && other.administers() }
	return slices.ContainsFunc(s, isOne) && !slices.ContainsFunc(s, staysWithout)
}

// administrators returns how many of them can administer the service and have not asked to be deleted.
func (s superusers) administrators() (count int) {
	for i := range s {
		if s[i].administers() {
			count++
		}
	}
	return count
}

// keepLast cancels the deletion that is due last if all superusers are about to be deleted.
func (s superusers) keepLast(tx Tx) error {
	var last *User
	for i := range s {
		due := s[i].DeletionDueAt
		if due == nil || due.After(tx.Now) {
			return nil
		}
		if last == nil || due.After(*last.DeletionDueAt) {
			last = &s[i]
		}
	}
	if last == nil {
		return nil
	}
	if err := tx.Model(&User{}).Where("id = ?", last.ID).Update("deletion_due_at", nil).Error; err != nil {
		return err
	}
	return tx.record(AuditEvent{Kind: EventDeletionCancelled, UserID: last.ID, Detail: DetailLastSuperuser}, RequestInfo{})
}
