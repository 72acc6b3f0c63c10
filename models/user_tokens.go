package models

import (
	"context"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// endForeignTokens makes worthless whatever other systems have issued to these users until now, for good. It locks the users.
func endForeignTokens(tx Tx, users ...uuid.UUID) error {
	// The clock may have been ahead when this was last done.
	latest := gorm.Expr("CASE WHEN tokens_valid_after > ? THEN tokens_valid_after ELSE ? END", tx.Now, tx.Now)
	return tx.Model(&User{}).Where("id IN ?", users).Update("tokens_valid_after", latest).Error
}

// adopt locks a user and stores last_login, if a foreign token of this time may open a session. Errors are those of
// User.mayAdopt, and ErrUserNotFound.
func (m *UserManager) adopt(tx Tx, id uuid.UUID, rule Admission, issuedAt time.Time) error {
	user, err := lockUser(tx, id)
	if err != nil {
		return err
	}
	if err := user.mayAdopt(tx.Now, rule, issuedAt); err != nil {
		return err
	}
	ended, err := hasRecordedEnd(tx, id, issuedAt)
	if err != nil {
		return err
	}
	if ended {
		return ErrSessionRevoked
	}
	return tx.Model(&User{}).Where("id = ?", id).Update("last_login", tx.Now).Error
}

// endings narrows audit events to those by which the programs before tokens_valid_after ended foreign tokens. An import that
// brings a password does not: what the other system issued is worth there what it was before.
func endings(events *gorm.DB) *gorm.DB {
	kinds := []string{EventPasswordChanged, EventAccountDisabled, EventDeletionAsked}
	return events.Where("audit_events.kind IN ? AND audit_events.detail <> ?", kinds, DetailImported)
}

// hasRecordedEnd reports whether a program before tokens_valid_after has ended a user's foreign token of this time. During an
// upgrade such programs still serve.
func hasRecordedEnd(tx Tx, user uuid.UUID, issuedAt time.Time) (bool, error) {
	var found int64
	err := endings(tx.Model(&AuditEvent{})).Where("user_id = ? AND created_at >= ?", user, issuedAt).Limit(1).Count(&found).Error
	return found > 0, err
}

// KeepRecordedEnds writes into tokens_valid_after what programs before that column recorded in the audit log alone, for at most
// limit users, so that it holds when the log forgets it. It returns how many users it changed.
func (m *UserManager) KeepRecordedEnds(ctx context.Context, limit int) (changed int64, err error) {
	err = m.store.Transaction(ctx, func(tx Tx) error {
		fresh := func() *gorm.DB { return tx.Session(&gorm.Session{NewDB: true}) }
		lacking := endings(fresh().Model(&User{}).Distinct("users.id").Joins("JOIN audit_events ON audit_events.user_id = users.id")).
			Where("users.tokens_valid_after IS NULL OR users.tokens_valid_after < audit_events.created_at").Limit(limit)
		last := endings(fresh().Model(&AuditEvent{})).Select("MAX(created_at)").Where("user_id = users.id")
		// What has been ended since the users were found stays.
		later := gorm.Expr("CASE WHEN tokens_valid_after > (?) THEN tokens_valid_after ELSE (?) END", last, last)
		kept := tx.Model(&User{}).Where("id IN (?)", lacking).Update("tokens_valid_after", later)
		changed = kept.RowsAffected
		return kept.Error
	})
	return changed, err
}
