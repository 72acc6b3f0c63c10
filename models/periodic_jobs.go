package models

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// PeriodicJob is work that is due again and again, for one replica at a time.
type PeriodicJob struct {
	Name  string    `gorm:"size:40;primaryKey"`
	DueAt time.Time `gorm:"not null"`
}

// PeriodicJobManager gives each run of a job to one of all replicas.
type PeriodicJobManager struct {
	db  *gorm.DB
	now func() time.Time
}

// NewPeriodicJobManager makes a manager that keeps in db when each job is due.
func NewPeriodicJobManager(db *gorm.DB, now func() time.Time) *PeriodicJobManager {
	return &PeriodicJobManager{db: db, now: now}
}

// Claim answers true to one caller each time the job is due, which it is at once when it is new, and again after every.
func (m *PeriodicJobManager) Claim(ctx context.Context, name string, every time.Duration) (bool, error) {
	now := moment(m.now)
	db := m.db.WithContext(ctx)
	created := db.Clauses(clause.OnConflict{DoNothing: true}).Create(&PeriodicJob{Name: name, DueAt: now})
	if created.Error != nil {
		return false, created.Error
	}
	claim := db.Model(&PeriodicJob{}).Where("name = ? AND due_at <= ?", name, now).Update("due_at", now.Add(every))
	return claim.RowsAffected == 1, claim.Error
}
