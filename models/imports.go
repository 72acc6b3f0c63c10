package models

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ImportManager brings accounts of other systems in, with their password hashes as they are. Besides UserManager it is
// the only code that writes the users table.
type ImportManager struct {
	users *UserManager
	keys  [][]byte
}

// NewImportManager makes a manager that imports into the database of users. The first key makes the MACs of imported
// passwords; the others are its fallbacks.
func NewImportManager(users *UserManager, keys ...[]byte) *ImportManager {
	return &ImportManager{users: users, keys: keys}
}

// ImportReport counts what became of the accounts of an import. Kept are those that changed in the source and here, and
// stay as they are here.
type ImportReport struct {
	Imported, Updated, Kept, Unchanged int

	Refused []Refusal
}

// Import stores a batch of accounts in one transaction. An account is known by the UUID or the legacy id that it has in
// the source, or else by its email; of a known one only what changed in the source since the last import is stored, and
// of that nothing that was changed here meanwhile. Repeating a batch changes nothing.
func (m *ImportManager) Import(ctx context.Context, batch []ForeignAccount) (report ImportReport, err error) {
	err = m.users.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		plan, err := m.plan(tx, batch, nil)
		if err != nil {
			return err
		}
		report = plan.report
		if err := m.insert(tx, plan.created, &report); err != nil {
			return err
		}
		return m.update(tx, plan.known, &report)
	})
	return report, err
}

// Rehearsal tells what Import would do, batch by batch, and writes nothing.
type Rehearsal struct {
	manager *ImportManager
	seen    map[uint64]bool // the emails of accounts that would be there by now
	seed    maphash.Seed
}

// Rehearse begins a rehearsal.
func (m *ImportManager) Rehearse() *Rehearsal {
	return &Rehearsal{manager: m, seen: map[uint64]bool{}, seed: maphash.MakeSeed()}
}

// Import is [ImportManager.Import] without doing it.
func (r *Rehearsal) Import(ctx context.Context, batch []ForeignAccount) (ImportReport, error) {
	plan, err := r.manager.plan(r.manager.users.db.WithContext(ctx), batch, r.isTwice)
	if err != nil {
		return ImportReport{}, err
	}
	report := plan.report
	report.Imported = len(plan.created)
	for _, account := range plan.known {
		account.count(&report)
	}
	return report, nil
}

// isTwice tells whether the email was seen before; by a hash, which is wrong once in 10^13 accounts.
func (r *Rehearsal) isTwice(email string) bool {
	hash := maphash.String(r.seed, email)
	twice := r.seen[hash]
	r.seen[hash] = true
	return twice
}

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
	emails, keys := map[string]bool{}, map[int64]bool{}
	for _, account := range batch {
		stored, reason := account.canonical(m.users.hasher)
		switch {
		case reason != "":
		case account.LegacyID != nil && keys[*account.LegacyID]:
			reason = refusedKey
		case emails[stored.Email]:
			reason = refusedTwice
		}
		if reason != "" {
			plan.refuse(account, reason)
			continue
		}
		if account.LegacyID != nil {
			keys[*account.LegacyID] = true
		}
		emails[stored.Email] = true
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
	if user == nil && owner != nil && account.LegacyID == nil && account.ID == uuid.Nil {
		user = owner // the source has no key
	}
	switch {
	case user == nil && owner != nil && present.imported[owner.ID] != nil:
		plan.refuse(account, refusedTwice)
	case user == nil && owner != nil:
		plan.refuse(account, refusedUnknown)
	case user == nil && isTwice != nil && isTwice(account.Email):
		plan.refuse(account, refusedTwice)
	case user == nil:
		plan.created = append(plan.created, account)
	case present.imported[user.ID] == nil:
		plan.refuse(account, refusedUnknown)
	default:
		imported := present.imported[user.ID]
		columns := imported.changes(user, account, m.keys)
		switch {
		case columns["email"] != nil && owner != nil && owner.ID != user.ID:
			plan.refuse(account, refusedTaken)
		case len(columns) == 0 && imported.says(account, m.keys):
			plan.report.Unchanged++
		default:
			plan.known = append(plan.known, knownAccount{user, imported, account, columns})
		}
	}
}

// presentUsers are the users that a batch may be about.
type presentUsers struct {
	byID     map[uuid.UUID]*User
	byLegacy map[int64]*User
	byEmail  map[string]*User
	imported map[uuid.UUID]*ImportedAccount
}

// of is the user whom the account's key names, nil if there is none.
func (p presentUsers) of(account ForeignAccount) *User {
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
		map[uuid.UUID]*User{}, map[int64]*User{}, map[string]*User{}, map[uuid.UUID]*ImportedAccount{},
	}
	var ids []uuid.UUID
	var legacy []int64
	var emails []string
	for _, account := range accounts {
		emails = append(emails, account.Email)
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
		p.byID[user.ID], p.byEmail[user.Email] = user, user
		if user.LegacyID != nil {
			p.byLegacy[*user.LegacyID] = user
		}
	}
	return err
}

// insertSize keeps a statement below the 32766 parameters that SQLite takes.
const insertSize = 1000

// insert adds accounts that were not there. One whose email somebody took meanwhile is refused.
func (m *ImportManager) insert(tx *gorm.DB, accounts []ForeignAccount, report *ImportReport) error {
	if len(accounts) == 0 {
		return nil
	}
	now := moment(m.users.now)
	created := make([]User, len(accounts))
	for i := range accounts {
		if accounts[i].ID == uuid.Nil {
			id, err := uuid.NewV7()
			if err != nil {
				return fmt.Errorf("make a user id: %w", err)
			}
			accounts[i].ID = id
		}
		created[i] = accounts[i].user(now)
	}
	result := tx.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(created, insertSize)
	if result.Error != nil {
		return result.Error
	}
	if result.RowsAffected != int64(len(created)) {
		var err error
		if accounts, err = m.withoutLost(tx, accounts, report); err != nil || len(accounts) == 0 {
			return err
		}
	}
	said := make([]ImportedAccount, len(accounts))
	for i, account := range accounts {
		said[i] = account.said(account.ID, m.keys[0])
		if err := m.recordRoles(tx, account); err != nil {
			return err
		}
	}
	report.Imported += len(accounts)
	return tx.CreateInBatches(said, insertSize).Error
}

// withoutLost refuses those accounts that the insert left out.
func (m *ImportManager) withoutLost(
	tx *gorm.DB, accounts []ForeignAccount, report *ImportReport,
) ([]ForeignAccount, error) {
	ids := make([]uuid.UUID, len(accounts))
	for i, account := range accounts {
		ids[i] = account.ID
	}
	var found []uuid.UUID
	if err := tx.Model(&User{}).Where("id IN ?", ids).Pluck("id", &found).Error; err != nil {
		return nil, err
	}
	stored := map[uuid.UUID]bool{}
	for _, id := range found {
		stored[id] = true
	}
	var left []ForeignAccount
	for _, account := range accounts {
		if stored[account.ID] {
			left = append(left, account)
			continue
		}
		report.Refused = append(report.Refused, Refusal{account, refusedRace})
	}
	return left, nil
}

// recordRoles tells the audit log of rights that came with an import.
func (m *ImportManager) recordRoles(tx *gorm.DB, account ForeignAccount) error {
	if !account.IsStaff && !account.IsSuperuser {
		return nil
	}
	event := AuditEvent{Kind: EventRolesChanged, UserID: account.ID, Detail: DetailImported}
	return m.users.audit.record(tx, event, Client{})
}

func (m *ImportManager) update(tx *gorm.DB, known []knownAccount, report *ImportReport) error {
	for _, account := range known {
		// A savepoint, because an email that somebody took meanwhile must not end the batch.
		err := tx.Transaction(func(tx *gorm.DB) error { return m.apply(tx, account) })
		switch {
		case errors.Is(err, gorm.ErrDuplicatedKey), errors.Is(err, errLostRace):
			report.Refused = append(report.Refused, Refusal{account.account, refusedRace})
		case err != nil:
			return err
		default:
			account.count(report)
		}
	}
	return nil
}

// apply stores what changed in one account, unless its password or whether it is active changed since it was read. Who
// loses a password or the account loses the sessions too.
func (m *ImportManager) apply(tx *gorm.DB, known knownAccount) error {
	user := known.user
	if len(known.columns) > 0 {
		claim := tx.Model(&User{}).Where("id = ? AND password = ? AND is_active = ?", user.ID, user.Password, user.IsActive).
			Updates(known.columns)
		if err := raced(claim); err != nil {
			return err
		}
	}
	said := known.account.said(user.ID, m.keys[0])
	if err := tx.Select("*").Where("user_id = ?", user.ID).Updates(&said).Error; err != nil {
		return err
	}
	return m.recordChange(tx, known)
}

func (m *ImportManager) recordChange(tx *gorm.DB, known knownAccount) error {
	record := func(kind string) error {
		return m.users.audit.record(tx, AuditEvent{Kind: kind, UserID: known.user.ID, Detail: DetailImported}, Client{})
	}
	var errs []error
	active, isToggled := known.columns["is_active"].(bool)
	switch {
	case isToggled && active:
		errs = append(errs, record(EventAccountEnabled))
	case isToggled:
		errs = append(errs, record(EventAccountDisabled))
	}
	if known.columns["is_staff"] != nil || known.columns["is_superuser"] != nil {
		errs = append(errs, record(EventRolesChanged))
	}
	if known.columns["password"] != nil || isToggled && !active {
		_, err := m.users.endSessions(tx, Ending{Reason: EndedByOperator}, "user_id = ?", known.user.ID)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Each gives every user to work, in the order of their ids, until there are no more or work fails. It reads them a
// thousand at a time.
func (m *UserManager) Each(ctx context.Context, work func(*User) error) error {
	var after uuid.UUID
	for {
		var users []User
		if err := m.db.WithContext(ctx).Where("id > ?", after).Order("id").Limit(insertSize).Find(&users).Error; err != nil {
			return err
		}
		for i := range users {
			if err := work(&users[i]); err != nil {
				return err
			}
		}
		if len(users) < insertSize {
			return nil
		}
		after = users[len(users)-1].ID
	}
}
