package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// Summary is what an operator recognizes a database by. Sessions are those that can still be refreshed, Superusers those that
// can log in and stay. NewestEvent is when the newest event of the audit log was recorded, or the zero time if the log
// is empty.
type Summary struct {
	Users       int64
	Sessions    int64
	Superusers  int64
	NewestEvent time.Time
}

// Summarize counts what is in a database at a moment. What the schema of an older program lacks counts as none.
func Summarize(ctx context.Context, db *gorm.DB, now time.Time) (summary Summary, err error) {
	db = db.WithContext(ctx)
	superusers := db.Model(&User{}).Where("is_superuser AND is_active")
	if db.Migrator().HasColumn(&User{}, "deletion_due_at") {
		superusers = superusers.Where("deletion_due_at IS NULL")
	}
	for count, query := range map[*int64]*gorm.DB{
		&summary.Users:      db.Model(&User{}),
		&summary.Sessions:   db.Model(&Session{}).Where("ended_at IS NULL AND expires_at > ?", now),
		&summary.Superusers: superusers,
	} {
		if !db.Migrator().HasTable(query.Statement.Model) {
			continue
		}
		if err := query.Count(count).Error; err != nil {
			return summary, err
		}
	}
	if !db.Migrator().HasTable(&AuditEvent{}) {
		return summary, nil
	}
	var newest []AuditEvent
	err = db.Select("created_at").Order("created_at DESC").Limit(1).Find(&newest).Error
	if len(newest) > 0 {
		summary.NewestEvent = newest[0].CreatedAt
	}
	return summary, err
}
