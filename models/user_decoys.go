package models

import (
	"context"

	"gorm.io/gorm"

	"latchkey/passwords"
)

// maxFormats is how many formats of hashes are told apart. Accounts beyond are counted with those that have none.
const maxFormats = 32

// UpdateDecoys counts the accounts by the format of their hash, so that a login to an address without an account costs what one
// to an account may. It reads the table once or twice for each format, and keeps no more of it than the counts.
func (m *UserManager) UpdateDecoys(ctx context.Context) error {
	var counted []passwords.Share
	for range maxFormats {
		format, err := m.nextFormat(ctx, counted)
		if err != nil {
			return err
		}
		if format == nil {
			break
		}
		share := passwords.Share{Format: *format}
		if share.Count, err = m.countFormat(ctx, *format); err != nil {
			return err
		}
		counted = append(counted, share)
	}
	m.rules.Decoys.Replace(counted)
	return nil
}

// nextFormat returns a format that has not been counted yet, or nil if all of them have been.
func (m *UserManager) nextFormat(ctx context.Context, counted []passwords.Share) (*passwords.Format, error) {
	query := withHash(m.store.DB(ctx))
	for _, share := range counted {
		query = query.Where("NOT ("+startsWith+")", len(share.Prefix), share.Prefix)
	}
	var found []string
	if err := query.Limit(1).Pluck("password", &found).Error; err != nil || len(found) == 0 {
		return nil, err
	}
	format, err := m.rules.Hasher.Format(found[0])
	if err != nil { // a login to such an account costs what one to an account without a password does
		format = passwords.Format{Prefix: found[0], IsNative: true}
	}
	return &format, nil
}

func (m *UserManager) countFormat(ctx context.Context, format passwords.Format) (uint64, error) {
	var count int64
	err := withHash(m.store.DB(ctx)).Where(startsWith, len(format.Prefix), format.Prefix).Count(&count).Error
	return uint64(max(count, 0)), err
}

// startsWith is the condition that a hash has a prefix. LIKE would take some characters of it for patterns.
const startsWith = "substr(password, 1, ?) = ?"

// withHash returns the query of the users with a hash of a format: neither unusable nor a bare digest, which has none.
func withHash(db *gorm.DB) *gorm.DB {
	return db.Model(&User{}).Where("password LIKE '%$%' AND password NOT LIKE '!%'")
}
