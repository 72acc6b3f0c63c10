package models

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// AuditEvent is something that matters for security, as it happened. Rows are only added; they outlive their user.
type AuditEvent struct {
	ID        uuid.UUID `gorm:"type:uuid;primaryKey"`
	Kind      string    `gorm:"size:40;not null;index"`
	UserID    uuid.UUID `gorm:"type:uuid;not null;index"`
	SessionID uuid.UUID `gorm:"type:uuid;not null"`
	IP        string    `gorm:"size:45;not null"`
	RequestID string    `gorm:"size:64;not null"`
	CreatedAt time.Time `gorm:"not null;index"`
}

// Kinds of events.
const (
	EventRefreshTokenReused = "refresh_token_reused"
	EventPasswordChanged    = "password_changed"
)

// record adds an event in the transaction of what it is about.
func record(tx *gorm.DB, event AuditEvent, client Client, now time.Time) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an event id: %w", err)
	}
	event.ID, event.CreatedAt = id, now
	event.IP, event.RequestID = shorten(client.IP, 45), shorten(client.RequestID, 64)
	return tx.Create(&event).Error
}
