package models

import (
	"context"

	"github.com/google/uuid"
)

// PersonalData is everything that is kept about one user (GDPR, article 15), except the hash of their password. Mail that is
// queued for them is made of these.
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
	db := m.store.DB(ctx)
	user, err := takeUser(db, "id = ?", id)
	if err != nil {
		return nil, err
	}
	data := &PersonalData{User: user}
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
