package models

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"
)

// Promote gives the account of email every role. The error is ErrUserNotFound if there is no such account.
func (m *UserManager) Promote(ctx context.Context, email string) error {
	return m.change(ctx, email, func(tx Tx, user *User) error {
		return changeRoles(tx, user, User{IsStaff: true, IsSuperuser: true}, DetailPromoted)
	})
}

// Demote takes all roles from the account of email. Errors are ErrUserNotFound, and ErrLastSuperuser if no other active
// superuser would remain who has not asked to be deleted.
func (m *UserManager) Demote(ctx context.Context, email string) error {
	return m.changeUnlessLastSuperuser(ctx, email, func(tx Tx, user *User) error {
		return changeRoles(tx, user, User{}, DetailDemoted)
	})
}

func changeRoles(tx Tx, user *User, roles User, detail string) error {
	if err := tx.Model(user).Select("is_staff", "is_superuser").Updates(roles).Error; err != nil {
		return err
	}
	return tx.record(AuditEvent{Kind: EventRolesChanged, UserID: user.ID, Detail: detail}, RequestInfo{})
}

// Deactivate disables the account of email and ends its sessions. Errors are those of Demote.
func (m *UserManager) Deactivate(ctx context.Context, email string) error {
	return m.changeUnlessLastSuperuser(ctx, email, func(tx Tx, user *User) error {
		if err := tx.Model(user).Update("is_active", false).Error; err != nil {
			return err
		}
		if err := tx.record(AuditEvent{Kind: EventAccountDisabled, UserID: user.ID}, RequestInfo{}); err != nil {
			return err
		}
		_, err := m.sessions.endAllBut(tx, uuid.Nil, Ending{Reason: EndedByOperator}, user.ID)
		return err
	})
}

// Activate lets the account of email log in again. The error is ErrUserNotFound if there is no such account.
func (m *UserManager) Activate(ctx context.Context, email string) error {
	return m.change(ctx, email, func(tx Tx, user *User) error {
		if err := tx.Model(user).Update("is_active", true).Error; err != nil {
			return err
		}
		return tx.record(AuditEvent{Kind: EventAccountEnabled, UserID: user.ID}, RequestInfo{})
	})
}

// Delete deletes the account of email with everything that belongs to it. Errors are those of Demote.
func (m *UserManager) Delete(ctx context.Context, email string) error {
	return m.changeUnlessLastSuperuser(ctx, email, func(tx Tx, user *User) error {
		_, err := deleteUsers(tx, 1, "id = ?", user.ID)
		return err
	})
}

// EndSessions logs the account of email out everywhere and returns how many sessions that ended. The error is
// ErrUserNotFound if there is no such account.
func (m *UserManager) EndSessions(ctx context.Context, email string) (ended int, err error) {
	err = m.change(ctx, email, func(tx Tx, user *User) error {
		ended, err = m.sessions.endAllBut(tx, uuid.Nil, Ending{Reason: EndedByOperator}, user.ID)
		return err
	})
	return ended, err
}

// change runs do on the account of email in a transaction. The account is locked, so that one which another request deletes at
// the same time is either changed before that or not found.
func (m *UserManager) change(ctx context.Context, email string, do func(Tx, *User) error) error {
	return m.store.Transaction(ctx, func(tx Tx) error {
		user, err := userByEmail(tx.Clauses(clause.Locking{Strength: "UPDATE"}), email)
		if err != nil {
			return err
		}
		return do(tx, user)
	})
}

// changeUnlessLastSuperuser is change, except that it returns ErrLastSuperuser for the last superuser.
func (m *UserManager) changeUnlessLastSuperuser(ctx context.Context, email string, do func(Tx, *User) error) error {
	return m.store.Transaction(ctx, func(tx Tx) error {
		superusers, err := lockSuperusers(tx)
		if err != nil {
			return err
		}
		// After the wait for the lock, and so as the winner left it.
		user, err := userByEmail(tx.Clauses(clause.Locking{Strength: "UPDATE"}), email)
		if err != nil {
			return err
		}
		if superusers.isLast(user) {
			return ErrLastSuperuser
		}
		return do(tx, user)
	})
}
