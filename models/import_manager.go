package models

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// ImportManager imports the accounts of other systems, with their password hashes as they are.
type ImportManager struct {
	store    Store
	rules    PasswordRules
	users    *UserManager
	sessions *SessionManager
}

// NewImportManager makes a manager that stores accounts by users. Its rules have to hold a key at least.
func NewImportManager(store Store, rules PasswordRules, users *UserManager, sessions *SessionManager) *ImportManager {
	return &ImportManager{store: store, rules: rules, users: users, sessions: sessions}
}

// ImportReport counts the accounts of an import by what was done with them. Kept are those that changed both in the source and
// here, and stay as they are here.
type ImportReport struct {
	Imported, Updated, Kept, Unchanged int

	Refused []Refusal
	Noted   []ExternalAccount // those that were not refused, but are not as in the source: see their Notes
}

// addNoted adds those accounts that were not refused after all.
func (r *ImportReport) addNoted(noted []ExternalAccount) {
	refused := map[string]bool{}
	for _, refusal := range r.Refused {
		refused[refusal.Account.Source] = true
	}
	for _, account := range noted {
		if !refused[account.Source] {
			r.Noted = append(r.Noted, account)
		}
	}
}

// Import stores a batch of accounts in one transaction. An account is known by the UUID or the legacy id that it has in
// the source, or else by its email; of a known one only what changed in the source since the last import is stored, and
// of that nothing that was changed here meanwhile. Repeating a batch changes nothing.
func (m *ImportManager) Import(ctx context.Context, batch []ExternalAccount) (report ImportReport, err error) {
	err = m.store.Transaction(ctx, func(tx Tx) error {
		if err := lookUpByIndex(tx.DB); err != nil {
			return err
		}
		superusers, err := lockSuperusers(tx)
		if err != nil {
			return err
		}
		plan, err := m.plan(tx.DB, batch, planning{now: tx.Now, administrators: superusers.administrators()})
		if err != nil {
			return err
		}
		report = plan.report
		if err := m.insert(tx, plan.created, &report); err != nil {
			return err
		}
		if err := m.update(tx, plan.known, &report); err != nil {
			return err
		}
		report.addNoted(plan.noted)
		return nil
	})
	return report, err
}

// lookUpByIndex keeps PostgreSQL from reading whole tables in tx: in a first import it plans for an empty table, and goes on so
// in every batch until its statistics are renewed, about a minute later.
func lookUpByIndex(tx *gorm.DB) error {
	if tx.Name() != "postgres" {
		return nil
	}
	return tx.Exec("SET LOCAL enable_seqscan = off").Error
}

// Rehearsal reports what Import would do, batch by batch, and writes nothing. It remembers emails as hashes of 64 bits: among a
// million accounts each has a chance of about 10^-13 to be mistaken for another.
type Rehearsal struct {
	manager *ImportManager
	holders map[uint64]string // who would have an email by now
	freed   map[uint64]bool   // the emails that accounts would have had
	seed    maphash.Seed

	administrators *int // how many would be left; nil before the first batch
}

// Rehearse begins a rehearsal.
func (m *ImportManager) Rehearse() *Rehearsal {
	return &Rehearsal{manager: m, holders: map[uint64]string{}, freed: map[uint64]bool{}, seed: maphash.MakeSeed()}
}

// Import is [ImportManager.Import] without doing it.
func (r *Rehearsal) Import(ctx context.Context, batch []ExternalAccount) (ImportReport, error) {
	db := r.manager.store.DB(ctx)
	if r.administrators == nil {
		var present superusers
		if err := db.Where("is_superuser AND is_active").Find(&present).Error; err != nil {
			return ImportReport{}, err
		}
		count := present.administrators()
		r.administrators = &count
	}
	plan, err := r.manager.plan(db, batch, planning{r.manager.store.Now(), *r.administrators, r})
	if err != nil {
		return ImportReport{}, err
	}
	*r.administrators = plan.administrators + plan.promoted
	report := plan.report
	report.Imported = len(plan.created)
	for _, account := range plan.known {
		account.count(&report)
	}
	report.addNoted(plan.noted)
	return report, nil
}

// give gives an account its email, or returns the key of the account that has got it before. Without a rehearsal the database
// decides.
func (r *Rehearsal) give(account ExternalAccount) (holder string) {
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

// move is give for an account that had the email from until now.
func (r *Rehearsal) move(from string, account ExternalAccount) (holder string) {
	if r == nil {
		return ""
	}
	if holder = r.give(account); holder == "" {
		r.freed[maphash.String(r.seed, from)] = true
	}
	return holder
}

// isFreed reports whether the account that has the email would have another one by now.
func (r *Rehearsal) isFreed(email string) bool {
	return r != nil && r.freed[maphash.String(r.seed, email)]
}

// insert stores new accounts. One whose email was taken meanwhile is refused.
func (m *ImportManager) insert(tx Tx, accounts []ExternalAccount, report *ImportReport) error {
	if len(accounts) == 0 {
		return nil
	}
	users := make([]User, len(accounts))
	for i := range accounts {
		if accounts[i].ID == uuid.Nil {
			id, err := uuid.NewV7()
			if err != nil {
				return fmt.Errorf("make a user id: %w", err)
			}
			accounts[i].ID = id
		}
		users[i] = accounts[i].user(tx.Now)
	}
	inserted, err := m.users.insertImported(tx, users)
	if err != nil {
		return err
	}
	if inserted != len(users) {
		if accounts, err = m.withoutLost(tx, accounts, report); err != nil || len(accounts) == 0 {
			return err
		}
	}
	stored := make(map[uuid.UUID]string, len(users))
	for _, user := range users {
		stored[user.ID] = user.Password
	}
	records := make([]ImportedAccount, len(accounts))
	for i, account := range accounts {
		records[i] = account.record(account.ID, m.rules.ImportKeys[0], stored[account.ID])
		if err := m.recordRoles(tx, account); err != nil {
			return err
		}
	}
	report.Imported += len(accounts)
	return tx.CreateInBatches(records, insertSize).Error
}

// withoutLost returns the accounts that were inserted, and refuses the others.
func (m *ImportManager) withoutLost(
	tx Tx, accounts []ExternalAccount, report *ImportReport,
) ([]ExternalAccount, error) {
	ids := make([]uuid.UUID, len(accounts))
	for i, account := range accounts {
		ids[i] = account.ID
	}
	var found []uuid.UUID
	if err := tx.Model(&User{}).Where("id IN ?", ids).Pluck("id", &found).Error; err != nil {
		return nil, err
	}
	emails := make([]string, len(accounts))
	for i, account := range accounts {
		emails[i] = account.Email
	}
	reserved, err := m.users.reservedAmong(tx, emails)
	if err != nil {
		return nil, err
	}
	stored := map[uuid.UUID]bool{}
	for _, id := range found {
		stored[id] = true
	}
	var left []ExternalAccount
	for _, account := range accounts {
		if stored[account.ID] {
			left = append(left, account)
			continue
		}
		reason := refusedRace
		if slices.Contains(reserved, account.Email) {
			reason = refusedHold
		}
		report.Refused = append(report.Refused, Refusal{Account: account, Reason: reason})
	}
	return left, nil
}

// recordRoles records the roles that came with an import.
func (m *ImportManager) recordRoles(tx Tx, account ExternalAccount) error {
	if !account.IsStaff && !account.IsSuperuser {
		return nil
	}
	event := AuditEvent{Kind: EventRolesChanged, UserID: account.ID, Detail: DetailImported}
	return tx.record(event, RequestInfo{})
}

func (m *ImportManager) update(tx Tx, known []knownAccount, report *ImportReport) error {
	if len(known) == 0 {
		return nil
	}
	users := make([]uuid.UUID, len(known))
	for i, account := range known {
		users[i] = account.user.ID
	}
	if err := lockUsers(tx, users); err != nil {
		return err
	}
	for _, account := range known {
		// A savepoint, because an email that somebody took meanwhile must not end the batch.
		err := tx.savepoint(func(tx Tx) error { return m.apply(tx, account) })
		switch {
		case errors.Is(err, errReserved):
			report.Refused = append(report.Refused, Refusal{Account: account.account, Reason: refusedHold})
		case errors.Is(err, errLostRace):
			report.Refused = append(report.Refused, Refusal{Account: account.account, Reason: refusedRace})
		case err != nil:
			return err
		default:
			account.count(report)
		}
	}
	return nil
}

// apply stores what changed in one account, unless its password or whether it is active changed since it was read. Whoever
// loses a password or the account loses the sessions too.
func (m *ImportManager) apply(tx Tx, known knownAccount) error {
	if err := m.users.updateImported(tx, known.user, known.columns); err != nil {
		return err
	}
	stored, isChanged := known.columns["password"].(string)
	if !isChanged {
		stored = known.account.Password
	}
	record := known.account.record(known.user.ID, m.rules.ImportKeys[0], stored)
	if !isChanged {
		record.UpgradedMAC = known.imported.UpgradedMAC
	}
	if err := tx.Select("*").Where("user_id = ?", known.user.ID).Updates(&record).Error; err != nil {
		return err
	}
	return m.recordChange(tx, known)
}

func (m *ImportManager) recordChange(tx Tx, known knownAccount) error {
	record := func(kind string) error {
		return tx.record(AuditEvent{Kind: kind, UserID: known.user.ID, Detail: DetailImported}, RequestInfo{})
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
		_, err := m.sessions.end(tx, Ending{Reason: EndedByOperator}, "user_id = ?", known.user.ID)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
