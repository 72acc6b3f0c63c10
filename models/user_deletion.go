package models

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// AccountDeletion is a user's wish to be forgotten, after a time in which he may think again.
type AccountDeletion struct {
	Password string // his current one
	Grace    time.Duration
	Client   Client
}

// AskDeletion ends every session of the user and has the account deleted after the grace, unless he logs in before, and not
// within the three days in which a change of its address can be undone. The last active superuser stays
// (ErrLastSuperuser); a wrong password comes back as a *ValidationError.
func (m *UserManager) AskDeletion(ctx context.Context, user *User, deletion AccountDeletion) error {
	if err := m.confirm(ctx, user, deletion.Password); err != nil {
		return err
	}
	checked := user
	return m.sparingTheLastSuperuser(ctx, user.Email, func(tx *gorm.DB, user *User) error {
		if err := m.stillHasPassword(tx, checked); err != nil {
			return err
		}
		due, err := m.deletionDue(tx, user, deletion.Grace)
		if err != nil {
			return err
		}
		if err := tx.Model(user).Update("deletion_due_at", due).Error; err != nil {
			return err
		}
		event := AuditEvent{Kind: EventDeletionAsked, UserID: user.ID, ActorID: &user.ID}
		if err := m.audit.record(tx, event, deletion.Client); err != nil {
			return err
		}
		if err := endTokens(tx, moment(m.now), tokenCancelled, "user_id = ? AND purpose <> ?", user.ID, PurposeUndoChange); err != nil {
			return err
		}
		_, err = m.endSessions(tx, Ending{EndedByDeletion, deletion.Client}, "user_id = ?", user.ID)
		return err
	})
}

// deletionDue is when an account goes that is wished away now: after the grace, and not while a mail can undo a change of
// its address. Who has stolen an account can't delete it before its owner could take it back.
func (m *UserManager) deletionDue(tx *gorm.DB, user *User, grace time.Duration) (time.Time, error) {
	due := moment(m.now).Add(grace)
	var undo []OneTimeToken
	err := tx.Where("user_id = ? AND purpose = ? AND ended_at IS NULL AND expires_at > ?", user.ID, PurposeUndoChange, due).
		Order("expires_at DESC").Limit(1).Find(&undo).Error
	if len(undo) == 1 {
		due = undo[0].ExpiresAt
	}
	return due, err
}

// confirm answers a *ValidationError of the field current_password unless password is the user's.
func (m *UserManager) confirm(ctx context.Context, user *User, password string) error {
	_, err := m.verify(ctx, user, password)
	if errors.Is(err, ErrInvalidCredentials) {
		return incorrectPassword()
	}
	return err
}

// stillHasPassword claims the row of a user whose password was checked, unless that has been changed since: what was asked
// for with the former one is refused, or ended by the change that waits for the row.
func (m *UserManager) stillHasPassword(tx *gorm.DB, user *User) error {
	claim := tx.Model(&User{}).Where("id = ? AND password = ?", user.ID, user.Password).Update("password", user.Password)
	if claim.Error == nil && claim.RowsAffected != 1 {
		return incorrectPassword()
	}
	return claim.Error
}

// keepDeletion cancels a deletion that is not due yet, when its user logs in.
func (m *UserManager) keepDeletion(tx *gorm.DB, user *User, client Client) error {
	if user.DeletionDueAt == nil {
		return nil
	}
	user.DeletionDueAt = nil
	return m.audit.record(tx, AuditEvent{Kind: EventDeletionCancelled, UserID: user.ID, ActorID: &user.ID}, client)
}

// DeleteDue deletes at most limit accounts whose time has come, with all that belongs to them, and counts them. What the
// audit log says of them, ids and addresses of the network, stays for its own time.
func (m *UserManager) DeleteDue(ctx context.Context, limit int) (deleted int64, err error) {
	return m.deleteWhere(ctx, limit, "deletion_due_at <= ?", moment(m.now))
}

// DeleteIfDue deletes one account whose time has come.
func (m *UserManager) DeleteIfDue(ctx context.Context, id uuid.UUID) error {
	_, err := m.deleteWhere(ctx, 1, "id = ? AND deletion_due_at <= ?", id, moment(m.now))
	return err
}

func (m *UserManager) deleteWhere(
	ctx context.Context, limit int, condition string, arguments ...any,
) (deleted int64, err error) {
	err = m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var due []User
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Select("id").Where(condition, arguments...).
			Order("id").Limit(limit).Find(&due).Error
		if err != nil || len(due) == 0 {
			return err
		}
		ids := make([]uuid.UUID, len(due))
		for i, user := range due {
			ids[i] = user.ID
			if err := m.audit.record(tx, AuditEvent{Kind: EventAccountDeleted, UserID: user.ID}, Client{}); err != nil {
				return err
			}
		}
		if err := tx.Where("account_id IN ?", ids).Delete(&LoginThrottle{}).Error; err != nil {
			return err
		}
		gone := tx.Where("id IN ?", ids).Delete(&User{})
		deleted = gone.RowsAffected
		return gone.Error
	})
	return deleted, err
}
