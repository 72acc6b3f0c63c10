package models

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// importPlan is what will be done with the accounts of a batch, and the report about those with which nothing will.
type importPlan struct {
	created []ExternalAccount
	known   []knownAccount
	report  ImportReport
	noted   []ExternalAccount // those of the accounts that could be stored that have Notes

	administrators int // superusers who are left, without those of this batch
	promoted       int // superusers who come with this batch
}

// planning is what a plan is made by besides the batch: the time, how many superusers there are who stay, and the rehearsal,
// if it is one.
type planning struct {
	now            time.Time
	administrators int
	rehearsal      *Rehearsal
}

// knownAccount is one that was imported before and is not as it was.
type knownAccount struct {
	user     *User
	imported *ImportedAccount
	account  ExternalAccount
	columns  map[string]any
}

func (k knownAccount) count(report *ImportReport) {
	if len(k.columns) == 0 {
		report.Kept++
		return
	}
	report.Updated++
}

// plan decides what will be done with each account. A rehearsal, if there is one, knows the batches that were not stored.
func (m *ImportManager) plan(db *gorm.DB, batch []ExternalAccount, planning planning) (importPlan, error) {
	plan := importPlan{administrators: planning.administrators}
	accounts := m.storable(&plan, planning.now, batch)
	present, err := m.find(db, accounts)
	if err != nil {
		return importPlan{}, err
	}
	present.rehearsal = planning.rehearsal
	for _, account := range accounts {
		m.planAccount(&plan, present, account)
	}
	return plan, nil
}

// storable returns the accounts of a batch that could be stored, each once.
func (m *ImportManager) storable(plan *importPlan, now time.Time, batch []ExternalAccount) []ExternalAccount {
	accounts := make([]ExternalAccount, 0, len(batch))
	emails, names := map[string]bool{}, map[string]bool{}
	ids, keys := map[uuid.UUID]bool{}, map[int64]bool{}
	for _, account := range batch {
		stored, reason := account.canonical(m.rules.Hasher, now)
		switch {
		case reason != "":
		case account.LegacyID != nil && keys[*account.LegacyID], account.ID != uuid.Nil && ids[account.ID]:
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
		ids[account.ID], emails[stored.Email], names[stored.Username] = true, true, true
		accounts = append(accounts, stored)
		if len(stored.Notes) > 0 {
			plan.noted = append(plan.noted, stored)
		}
	}
	return accounts
}

func (p *importPlan) refuse(account ExternalAccount, reason string) {
	p.report.Refused = append(p.report.Refused, Refusal{Account: account, Reason: reason})
}

// refuseFor refuses an account whose address somebody else has.
func (p *importPlan) refuseFor(account ExternalAccount, present presentUsers, owner *User) {
	if present.imported[owner.ID] == nil {
		p.refuse(account, refusedUnknown)
		return
	}
	p.refuseHeld(account, keyOf(owner.LegacyID, owner.ID))
}

func (p *importPlan) refuseHeld(account ExternalAccount, holder string) {
	p.report.Refused = append(p.report.Refused, Refusal{Account: account, Reason: refusedHeld + ": " + holder, IsHeld: true})
}

// planAccount decides about one account that could be stored.
func (m *ImportManager) planAccount(plan *importPlan, present presentUsers, account ExternalAccount) {
	user, owner := present.of(account), present.owner(account.Email)
	namesake := present.byUsername[account.Username]
	switch {
	case namesake != nil && namesake != user:
		plan.report.Refused = append(plan.report.Refused, Refusal{account, refusedName, present.imported[namesake.ID] != nil})
	case user != nil && present.imported[user.ID] == nil:
		plan.refuse(account, refusedUnknown)
	case user != nil:
		m.planKnown(plan, present, knownAccount{user: user, imported: present.imported[user.ID], account: account})
	case owner != nil:
		plan.refuseFor(account, present, owner)
	default:
		if holder := present.rehearsal.give(account); holder != "" {
			plan.refuseHeld(account, holder)
			return
		}
		plan.create(account)
	}
}

func (p *importPlan) create(account ExternalAccount) {
	if user := account.user(time.Time{}); user.administers() {
		p.promoted++
	}
	p.created = append(p.created, account)
}

// change plans the change of a known account, unless it would take the last superuser away. Superusers who come with the same
// batch don't count: they may lose a race for their email.
func (p *importPlan) change(known knownAccount) {
	changed := known.user.with(known.columns)
	switch had, has := known.user.administers(), changed.administers(); {
	case had && !has && p.administrators <= 1:
		p.refuse(known.account, refusedLast)
		return
	case had && !has:
		p.administrators--
	case has && !had:
		p.promoted++
	}
	p.known = append(p.known, known)
}

// planKnown decides about an account that was imported before.
func (m *ImportManager) planKnown(plan *importPlan, present presentUsers, known knownAccount) {
	known.columns = known.imported.changes(known.user, known.account, m.rules.ImportKeys)
	owner, isMoved := present.owner(known.account.Email), known.columns["email"] != nil
	switch {
	case isMoved && owner != nil && owner != known.user:
		plan.refuseFor(known.account, present, owner)
	case len(known.columns) == 0 && known.imported.isSame(known.account, m.rules.ImportKeys):
		plan.report.Unchanged++
	default:
		if isMoved {
			if holder := present.rehearsal.move(known.user.Email, known.account); holder != "" {
				plan.refuseHeld(known.account, holder)
				return
			}
		}
		plan.change(known)
	}
}

// presentUsers are the users that a batch may be about.
type presentUsers struct {
	byID     map[uuid.UUID]*User
	byLegacy map[int64]*User
	byEmail  map[string]*User
	imported map[uuid.UUID]*ImportedAccount

	byUsername map[string]*User

	rehearsal *Rehearsal // nil if the plan will be carried out
}

// owner returns the user who has an email, or nil.
func (p presentUsers) owner(email string) *User {
	if p.rehearsal.isFreed(email) {
		return nil
	}
	return p.byEmail[email]
}

// of returns the user of the account's key, or of its email if it has no key, or nil.
func (p presentUsers) of(account ExternalAccount) *User {
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
func (m *ImportManager) find(db *gorm.DB, accounts []ExternalAccount) (presentUsers, error) {
	present := presentUsers{
		byID: map[uuid.UUID]*User{}, byLegacy: map[int64]*User{}, byEmail: map[string]*User{},
		imported: map[uuid.UUID]*ImportedAccount{}, byUsername: map[string]*User{},
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
