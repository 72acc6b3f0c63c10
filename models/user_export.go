package models

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// PersonalData is everything that is kept about one user (GDPR, article 15), except the hash of their password. Mail that is
// queued for them is made of these. What there may be a lot of is read in pages, the oldest rows first.
type PersonalData struct {
	User          *User
	Imported      []ImportedAccount // at most one
	Sessions      *Pages[Session]   // those that are over too
	Devices       *Pages[LoginThrottle]
	OneTimeTokens *Pages[OneTimeToken]
	AuditEvents   *Pages[AuditEvent] // those of a day that share a row stand where that day begins
}

// PersonalData reads what there is one of about a user. The pages are read when they are wanted.
func (m *UserManager) PersonalData(ctx context.Context, id uuid.UUID) (*PersonalData, error) {
	db := m.store.DB(ctx)
	user, err := takeUser(db, "id = ?", id)
	if err != nil {
		return nil, err
	}
	data := &PersonalData{
		User:          user,
		Sessions:      &Pages[Session]{store: m.store, owner: "user_id", key: "id", user: id},
		Devices:       &Pages[LoginThrottle]{store: m.store, owner: "account_id", key: "device_id", user: id},
		OneTimeTokens: &Pages[OneTimeToken]{store: m.store, owner: "user_id", key: "id", user: id},
		AuditEvents:   &Pages[AuditEvent]{store: m.store, owner: "user_id", key: "id", user: id},
	}
	return data, db.Where("user_id = ?", id).Find(&data.Imported).Error
}

// A page has so few rows that many exports fit into memory at once. To sort all rows of a user takes the database long if there are
// many, so it does that once for many pages.
const (
	exportPage = 1000
	exportKeys = 50 * exportPage
)

// Pages are the rows of a table that belong to a user, in the order of their keys.
type Pages[Row any] struct {
	store      Store
	owner, key string // columns
	user       uuid.UUID

	keys  []uuid.UUID // of the next pages
	last  *uuid.UUID  // key that was read
	isEnd bool        // no keys follow
}

// Next returns the next page, which is empty behind the last one.
func (p *Pages[Row]) Next(ctx context.Context) (rows []Row, err error) {
	if len(p.keys) == 0 && !p.isEnd {
		if err := p.readKeys(ctx); err != nil {
			return nil, err
		}
	}
	page := p.keys[:min(exportPage, len(p.keys))]
	if len(page) == 0 {
		return nil, nil
	}
	err = p.mine(ctx).Where(p.key+" IN ?", page).Order(p.key).Find(&rows).Error
	p.keys = p.keys[len(page):]
	return rows, err
}

func (p *Pages[Row]) readKeys(ctx context.Context) error {
	following := p.mine(ctx).Model(new(Row))
	if p.last != nil {
		following = following.Where(p.key+" > ?", *p.last)
	}
	if err := following.Order(p.key).Limit(exportKeys).Pluck(p.key, &p.keys).Error; err != nil {
		return err
	}
	p.isEnd = len(p.keys) < exportKeys
	if len(p.keys) > 0 {
		p.last = &p.keys[len(p.keys)-1]
	}
	return nil
}

func (p *Pages[Row]) mine(ctx context.Context) *gorm.DB {
	return p.store.DB(ctx).Where(p.owner+" = ?", p.user)
}
