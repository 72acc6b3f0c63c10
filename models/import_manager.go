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

// NewImportManager makes a manager that imports into the database of users, whose rules have to hold a key at least.
func NewImportManager(users *UserManager) *ImportManager {
	return &ImportManager{users: users, keys: users.importKeys}
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
		if err := lookUpByIndex(tx); err != nil {
			return err
		}
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

// lookUpByIndex keeps PostgreSQL from reading whole tables in tx: it plans for the empty table of a first import, and keeps
// to that for every batch until its statistics are renewed, about a minute later.
func lookUpByIndex(tx *gorm.DB) error {
	if tx.Name() != "postgres" {
		return nil
	}
	return tx.Exec("SET LOCAL enable_seqscan = off").Error
}

// Rehearsal tells what Import would do, batch by batch, and writes nothing. It keeps hashes of emails, which are wrong once
// in 10^13 accounts.
type Rehearsal struct {
	manager *ImportManager
	holders map[uint64]string // who would have an email by now
	freed   map[uint64]bool   // the emails that accounts would have had
	seed    maphash.Seed
}

// Rehearse begins a rehearsal.
func (m *ImportManager) Rehearse() *Rehearsal {
	return &Rehearsal{manager: m, holders: map[uint64]string{}, freed: map[uint64]bool{}, seed: maphash.MakeSeed()}
}

// Import is [ImportManager.Import] without doing it.
func (r *Rehearsal) Import(ctx context.Context, batch []ForeignAccount) (ImportReport, error) {
	plan, err := r.manager.plan(r.manager.users.db.WithContext(ctx), batch, r)
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

// give gives an account its email, unless another one got that before, which it names. Without a rehearsal the database
// knows.
func (r *Rehearsal) give(account ForeignAccount) (holder string) {
	if r == nil {
		return ""
	}
	hash := maphash.String(r.seed, account.Email)
	if holder := r.holders[hash]; holder != "" {
		return holder
	}
	r.holders[hash] = keyOf(account.LegacyID, account.ID)
	return ""
}

// move is give for an account that had the email from.
func (r *Rehearsal) move(from string, account ForeignAccount) (holder string) {
	if r == nil {
		return ""
	}
	if holder = r.give(account); holder == "" {
		r.freed[maphash.String(r.seed, from)] = true
	}
	return holder
}

// isFreed tells whether the account that has the email would have another one by now.
func (r *Rehearsal) isFreed(email string) bool {
	return r != nil && r.freed[maphash.String(r.seed, email)]
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
		report.Refused = append(report.Refused, Refusal{Account: account, Reason: refusedRace})
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
			report.Refused = append(report.Refused, Refusal{Account: account.account, Reason: refusedRace})
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
	if known.columns["password"] == nil {
		said.UpgradedMAC = known.imported.UpgradedMAC
	}
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
