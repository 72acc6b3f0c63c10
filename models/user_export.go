package models

import (
	"context"

	"github.com/google/uuid"
)

// PersonalData is everything that is kept about one user (GDPR, article 15), except the hash of their password. Mail that is
// queued for them is made of these. What there may be a lot of is read in pages, the oldest rows first.
type PersonalData struct {
	User          *User
	Imported      []ImportedAccount // at most one
	Devices       []LoginThrottle
	Sessions      *Pages[Session] // those that are over too
	OneTimeTokens *Pages[OneTimeToken]
	AuditEvents   *Pages[AuditEvent] // those of a day that share a row stand where that day begins
}

// PersonalData reads what there are few of about a user. The pages are read when they are wanted.
func (m *UserManager) PersonalData(ctx context.Context, id uuid.UUID) (*PersonalData, error) {
	db := m.store.DB(ctx)
	user, err := takeUser(db, "id = ?", id)
	if err != nil {
		return nil, err
	}
	data := &PersonalData{
		User:          user,
		Sessions:      &Pages[Session]{store: m.store, user: id},
		OneTimeTokens: &Pages[OneTimeToken]{store: m.store, user: id},
		AuditEvents:   &Pages[AuditEvent]{store: m.store, user: id},
	}
	if err := db.Where("account_id = ?", id).Order("seen_at").Find(&data.Devices).Error; err != nil {
		return nil, err
	}
	return data, db.Where("user_id = ?", id).Find(&data.Imported).Error
}

// A page has so few rows that many exports fit into memory at once. To sort all rows of a user takes the database long if there
// are many, so it does that once for many pages.
const (
	exportPage = 1000
	exportIDs  = 50 * exportPage
)

// Pages are the rows of a table that belong to a user, in the order of their ids.
type Pages[Row any] struct {
	store Store
	user  uuid.UUID

	ids   []uuid.UUID // of the next pages
	last  *uuid.UUID  // id that was read
	isEnd bool        // no ids follow
}

// Next returns the next page, which is empty behind the last one. Rows that were deleted meanwhile are left out.
func (p *Pages[Row]) Next(ctx context.Context) (rows []Row, err error) {
	for len(rows) == 0 {
		if len(p.ids) == 0 && !p.isEnd {
			if err := p.readIDs(ctx); err != nil {
				return nil, err
			}
		}
		page := p.ids[:min(exportPage, len(p.ids))]
		if len(page) == 0 {
			return nil, nil
		}
		// With the user in the condition, SQLite would look through all of their rows for each page.
		if err := p.store.DB(ctx).Where("id IN ?", page).Order("id").Find(&rows).Error; err != nil {
			return nil, err
		}
		p.ids = p.ids[len(page):]
	}
	return rows, nil
}

func (p *Pages[Row]) readIDs(ctx context.Context) error {
	following := p.store.DB(ctx).Model(new(Row)).Where("user_id = ?", p.user)
	if p.last != nil {
		following = following.Where("id > ?", *p.last)
	}
	if err := following.Order("id").Limit(exportIDs).Pluck("id", &p.ids).Error; err != nil {
		return err
	}
	p.isEnd = len(p.ids) < exportIDs
	if len(p.ids) > 0 {
		p.last = &p.ids[len(p.ids)-1]
	}
	return nil
}
