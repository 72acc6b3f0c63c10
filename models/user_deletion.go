package models

import (
	"context"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"
)

// AccountDeletion is a request to delete an account after a grace period, made in a session. Password is the user's current one.
type AccountDeletion struct {
	Password string
	Session  *Session
	Grace    time.Duration
	From     RequestInfo
}

// RequestDeletion ends every session of the user and has the account deleted after the grace period, unless they log in
// before, and not within the three days in which a change of its address can be undone. Errors are ErrLastSuperuser for the
// last active superuser, and those of ChangePassword.
func (m *UserManager) RequestDeletion(ctx context.Context, checked *User, deletion AccountDeletion) error {
	typed := inSession(deletion.Session, deletion.Password, deletion.From)
	return m.withCurrentPassword(ctx, checked, typed, func(counted *guess) error {
		return m.changeUnlessLastSuperuser(ctx, checked.Email, func(tx Tx, user *User) error {
			if err := m.claimPassword(tx, checked, counted); err != nil {
				return err
			}
			return m.scheduleDeletion(tx, user, deletion)
		})
	})
}

// scheduleDeletion has a user's account deleted after the grace period, and ends their sessions and what was mailed to them.
func (m *UserManager) scheduleDeletion(tx Tx, user *User, deletion AccountDeletion) error {
	undoable, err := m.oneTimeTokens.undoableUntil(tx, user.ID)
	if err != nil {
		return err
	}
	// Who has stolen an account can't delete it before its owner could take it back.
	due := tx.Now.Add(deletion.Grace)
	if undoable.After(due) {
		due = undoable
	}
	if err := tx.Model(user).Update("deletion_due_at", due).Error; err != nil {
		return err
	}
	event := AuditEvent{Kind: EventDeletionAsked, UserID: user.ID, ActorID: &user.ID}
	if err := tx.record(event, deletion.From); err != nil {
		return err
	}
	if err := m.oneTimeTokens.end(tx, tokenCancelled, "user_id = ? AND purpose <> ?", user.ID, PurposeUndoChange); err != nil {
		return err
	}
	_, err = m.sessions.endAllBut(tx, uuid.Nil, Ending{EndedByDeletion, deletion.From}, user.ID)
	return err
}

// DeleteDue deletes at most limit accounts whose deletion is due, with everything that belongs to them, and returns how many
// it deleted. What the audit log says of them, ids and addresses of the network, stays for its own time. The last active
// superuser is not deleted: the deletion is cancelled.
func (m *UserManager) DeleteDue(ctx context.Context, limit int) (deleted int64, err error) {
	return m.deleteDue(ctx, limit, "TRUE")
}

// DeleteIfDue deletes one account if its deletion is due and it is not the last active superuser's.
func (m *UserManager) DeleteIfDue(ctx context.Context, id uuid.UUID) error {
	_, err := m.deleteDue(ctx, 1, "id = ?", id)
	return err
}

func (m *UserManager) deleteDue(ctx context.Context, limit int, condition string, arguments ...any) (deleted int64, err error) {
	err = m.store.Transaction(ctx, func(tx Tx) error {
		superusers, err := lockSuperusers(tx)
		if err != nil {
			return err
		}
		if err := superusers.keepLast(tx); err != nil {
			return err
		}
		deleted, err = deleteUsers(tx, limit, "deletion_due_at <= ? AND "+condition, append([]any{tx.Now}, arguments...)...)
		return err
	})
	return deleted, err
}

func deleteUsers(tx Tx, limit int, condition string, arguments ...any) (deleted int64, err error) {
	var users []User
	err = tx.Clauses(clause.Locking{Strength: "UPDATE"}).Select("id").Where(condition, arguments...).
		Order("id").Limit(limit).Find(&users).Error
	if err != nil || len(users) == 0 {
		return 0, err
	}
	ids := make([]uuid.UUID, len(users))
	for i, user := range users {
		ids[i] = user.ID
		if err := tx.record(AuditEvent{Kind: EventAccountDeleted, UserID: user.ID}, RequestInfo{}); err != nil {
			return 0, err
		}
	}
	// The sessions go with their users, and so before the throttles.
	gone := tx.Where("id IN ?", ids).Delete(&User{})
	if gone.Error != nil {
		return 0, gone.Error
	}
	return gone.RowsAffected, deleteThrottles(tx, ids)
}
