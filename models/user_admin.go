package models

import (
	"context"

	"gorm.io/gorm/clause"
)

// Promote gives the account of email every role. The error is ErrUserNotFound if there is no such account.
func (m *UserManager) Promote(ctx context.Context, email string) error {
	return m.change(ctx, email, func(tx Tx, user *User) error {
		return changeRoles(tx, user, User{IsStaff: true, IsSuperuser: true}, DetailPromoted)
	})
}

// Demote takes all roles from the account of email. Errors are ErrUserNotFound, and ErrLastSuperuser if no other active
// superuser would remain.
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
		_, err := m.sessions.end(tx, Ending{Reason: EndedByOperator}, "user_id = ?", user.ID)
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
		deleted, err := deleteUsers(tx, 1, "id = ?", user.ID)
		if err == nil && deleted == 0 { // another request was quicker
			return ErrUserNotFound
		}
		return err
	})
}

// EndSessions logs the account of email out everywhere and returns how many sessions that ended. The error is
// ErrUserNotFound if there is no such account.
func (m *UserManager) EndSessions(ctx context.Context, email string) (ended int, err error) {
	err = m.change(ctx, email, func(tx Tx, user *User) error {
		ended, err = m.sessions.end(tx, Ending{Reason: EndedByOperator}, "user_id = ?", user.ID)
		return err
	})
	return ended, err
}

// change runs do on the account of email in a transaction.
func (m *UserManager) change(ctx context.Context, email string, do func(Tx, *User) error) error {
	return m.store.Transaction(ctx, func(tx Tx) error {
		user, err := userByEmail(tx.DB, email)
		if err != nil {
			return err
		}
		return do(tx, user)
	})
}

// changeUnlessLastSuperuser is change, except that it returns ErrLastSuperuser for the last active superuser. It locks all
// active superusers, so that two changes at once don't remove the last two.
func (m *UserManager) changeUnlessLastSuperuser(ctx context.Context, email string, do func(Tx, *User) error) error {
	return m.store.Transaction(ctx, func(tx Tx) error {
		var superusers []User
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).
			Where("is_superuser AND is_active").Order("id").Find(&superusers).Error
		if err != nil {
			return err
		}
		user, err := userByEmail(tx.DB, email) // after the wait for the lock, and so as the winner left it
		if err != nil {
			return err
		}
		if len(superusers) == 1 && superusers[0].ID == user.ID {
			return ErrLastSuperuser
		}
		return do(tx, user)
	})
}
