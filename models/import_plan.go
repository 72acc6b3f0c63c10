package models

import (
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// importPlan is what is to be done with the accounts of a batch, and those with which nothing is.
type importPlan struct {
	created []ForeignAccount
	known   []knownAccount
	report  ImportReport
}

// knownAccount is one that was imported before and is not as it was.
type knownAccount struct {
	user     *User
	imported *ImportedAccount
	account  ForeignAccount
	columns  map[string]any
}

func (k knownAccount) count(report *ImportReport) {
	if len(k.columns) == 0 {
		report.Kept++
		return
	}
	report.Updated++
}

// plan decides what becomes of each account. isTwice, if given, knows the emails of batches that were not stored.
func (m *ImportManager) plan(db *gorm.DB, batch []ForeignAccount, isTwice func(string) bool) (importPlan, error) {
	var plan importPlan
	accounts := make([]ForeignAccount, 0, len(batch))
	emails, names, keys := map[string]bool{}, map[string]bool{}, map[int64]bool{}
	for _, account := range batch {
		stored, reason := account.canonical(m.users.hasher, moment(m.users.now))
		switch {
		case reason != "":
		case account.LegacyID != nil && keys[*account.LegacyID]:
			reason = refusedKey
		case emails[stored.Email]:
			reason = refusedTwice
		case stored.Username != "" && names[stored.Username]:
			reason = refusedName
		}
		if reason != "" {
			plan.refuse(account, reason)
			continue
		}
		if account.LegacyID != nil {
			keys[*account.LegacyID] = true
		}
		emails[stored.Email], names[stored.Username] = true, true
		accounts = append(accounts, stored)
	}
	present, err := m.find(db, accounts)
	if err != nil {
		return importPlan{}, err
	}
	for _, account := range accounts {
		m.place(&plan, present, account, isTwice)
	}
	return plan, nil
}

func (p *importPlan) refuse(account ForeignAccount, reason string) {
	p.report.Refused = append(p.report.Refused, Refusal{account, reason})
}

// place decides about one account that could be stored.
func (m *ImportManager) place(
	plan *importPlan, present presentUsers, account ForeignAccount, isTwice func(string) bool,
) {
	user, owner := present.of(account), present.byEmail[account.Email]
	namesake := present.byUsername[account.Username]
	switch {
	case namesake != nil && namesake != user:
		plan.refuse(account, refusedName)
	case user != nil && present.imported[user.ID] == nil:
		plan.refuse(account, refusedUnknown)
	case user != nil:
		m.placeKnown(plan, knownAccount{user: user, imported: present.imported[user.ID], account: account}, owner)
	case owner != nil && present.imported[owner.ID] == nil:
		plan.refuse(account, refusedUnknown)
	case owner != nil, isTwice != nil && isTwice(account.Email):
		plan.refuse(account, refusedTwice)
	default:
		plan.created = append(plan.created, account)
	}
}

// placeKnown decides about an account that was imported before. owner has its email now, if anybody has.
func (m *ImportManager) placeKnown(plan *importPlan, known knownAccount, owner *User) {
	known.columns = known.imported.changes(known.user, known.account, m.keys)
	switch {
	case known.columns["email"] != nil && owner != nil && owner.ID != known.user.ID:
		plan.refuse(known.account, refusedTaken)
	case len(known.columns) == 0 && known.imported.says(known.account, m.keys):
		plan.report.Unchanged++
	default:
		plan.known = append(plan.known, known)
	}
}

// presentUsers are the users that a batch may be about.
type presentUsers struct {
	byID     map[uuid.UUID]*User
	byLegacy map[int64]*User
	byEmail  map[string]*User
	imported map[uuid.UUID]*ImportedAccount

	byUsername map[string]*User
}

// of is the user whom the account's key names, or its email if it has no key; nil if there is none.
func (p presentUsers) of(account ForeignAccount) *User {
	if account.LegacyID == nil && account.ID == uuid.Nil {
		return p.byEmail[account.Email]
	}
	if account.LegacyID != nil {
		if user := p.byLegacy[*account.LegacyID]; user != nil {
			return user
		}
	}
	return p.byID[account.ID]
}

// find reads the users that have a key or an email of accounts.
func (m *ImportManager) find(db *gorm.DB, accounts []ForeignAccount) (presentUsers, error) {
	present := presentUsers{
		map[uuid.UUID]*User{}, map[int64]*User{}, map[string]*User{}, map[uuid.UUID]*ImportedAccount{}, map[string]*User{},
	}
	var ids []uuid.UUID
	var legacy []int64
	var emails, usernames []string
	for _, account := range accounts {
		emails = append(emails, account.Email)
		if account.Username != "" {
			usernames = append(usernames, account.Username)
		}
		if account.ID != uuid.Nil {
			ids = append(ids, account.ID)
		}
		if account.LegacyID != nil {
			legacy = append(legacy, *account.LegacyID)
		}
	}
	err := errors.Join(
		present.read(db, len(ids), "id IN ?", ids),
		present.read(db, len(legacy), "legacy_id IN ?", legacy),
		present.read(db, len(emails), "email IN ?", emails),
		present.read(db, len(usernames), "legacy_username IN ?", usernames),
	)
	if err != nil || len(present.byID) == 0 {
		return present, err
	}
	found := make([]uuid.UUID, 0, len(present.byID))
	for id := range present.byID {
		found = append(found, id)
	}
	var imported []ImportedAccount
	err = db.Where("user_id IN ?", found).Find(&imported).Error
	for i := range imported {
		present.imported[imported[i].UserID] = &imported[i]
	}
	return present, err
}

func (p presentUsers) read(db *gorm.DB, count int, condition string, values any) error {
	if count == 0 {
		return nil
	}
	var users []User
	err := db.Where(condition, values).Find(&users).Error
	for i := range users {
		user := &users[i]
		if known := p.byID[user.ID]; known != nil {
			continue
		}
		p.byID[user.ID], p.byEmail[user.Email] = user, user
		if user.LegacyID != nil {
			p.byLegacy[*user.LegacyID] = user
		}
		if user.LegacyUsername != nil {
			p.byUsername[*user.LegacyUsername] = user
		}
	}
	return err
}
