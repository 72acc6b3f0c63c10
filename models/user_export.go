package models

import (
	"context"

	"github.com/google/uuid"
)

// PersonalData is everything that is kept about one user (GDPR, article 15), but for the hash of his password. What waits in
// the queue to be mailed to him is made of these.
type PersonalData struct {
	User          *User
	Sessions      []Session
	Devices       []LoginThrottle
	OneTimeTokens []OneTimeToken
	AuditEvents   []AuditEvent
	Imported      []ImportedAccount // at most one
}

// PersonalData reads everything about a user, the oldest first.
func (m *UserManager) PersonalData(ctx context.Context, id uuid.UUID) (*PersonalData, error) {
	user, err := m.take(ctx, "id = ?", id)
	if err != nil {
		return nil, err
	}
	data, db := &PersonalData{User: user}, m.db.WithContext(ctx)
	if err := db.Where("user_id = ?", id).Order("id").Find(&data.Sessions).Error; err != nil {
		return nil, err
	}
	if err := db.Where("account_id = ?", id).Order("seen_at").Find(&data.Devices).Error; err != nil {
		return nil, err
	}
	if err := db.Where("user_id = ?", id).Order("id").Find(&data.OneTimeTokens).Error; err != nil {
		return nil, err
	}
	if err := db.Where("user_id = ?", id).Find(&data.Imported).Error; err != nil {
		return nil, err
	}
	return data, db.Where("user_id = ?", id).Order("id").Find(&data.AuditEvents).Error
}
