package models

import (
	"context"
	"strconv"

	"github.com/google/uuid"
)

// ByLegacyID returns the account, active or not, that had this primary key in the system it was imported from, or
// ErrUserNotFound.
func (m *UserManager) ByLegacyID(ctx context.Context, key string) (*User, error) {
	if legacy, err := strconv.ParseInt(key, 10, 64); err == nil {
		return takeUser(m.store.DB(ctx), "legacy_id = ?", legacy)
	}
	id, err := uuid.Parse(key)
	if err != nil {
		return nil, ErrUserNotFound
	}
	return takeUser(m.store.DB(ctx), "id = ?", id)
}

// ByUsername returns the account, active or not, that had this username where it was imported from, or ErrUserNotFound.
func (m *UserManager) ByUsername(ctx context.Context, username string) (*User, error) {
	return takeUser(m.store.DB(ctx), "legacy_username = ?", username)
}
