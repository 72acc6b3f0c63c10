package models

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Promote gives the account of email every right; ErrUserNotFound if there is none.
func (m *UserManager) Promote(ctx context.Context, email string) error {
	user, err := m.ByEmail(ctx, email)
	if err != nil {
		return err
	}
	return m.db.WithContext(ctx).Model(user).
		Select("is_staff", "is_superuser").Updates(User{IsStaff: true, IsSuperuser: true}).Error
}

// Demote takes its rights from the account of email. It answers ErrUserNotFound if there is none, and ErrLastSuperuser
// if no other active superuser would remain.
func (m *UserManager) Demote(ctx context.Context, email string) error {
	return m.sparingTheLastSuperuser(ctx, email, func(tx *gorm.DB, user *User) error {
		return tx.Model(user).Select("is_staff", "is_superuser").Updates(User{}).Error
	})
}

// Deactivate disables the account of email and ends its sessions. Errors are those of Demote.
func (m *UserManager) Deactivate(ctx context.Context, email string) error {
	now := moment(m.now)
	return m.sparingTheLastSuperuser(ctx, email, func(tx *gorm.DB, user *User) error {
		if err := tx.Model(user).Update("is_active", false).Error; err != nil {
			return err
		}
		_, err := endSessions(tx.Where("user_id = ?", user.ID), EndedByOperator, now)
		return err
	})
}

// Activate lets the account of email log in again; ErrUserNotFound if there is none.
func (m *UserManager) Activate(ctx context.Context, email string) error {
	user, err := m.ByEmail(ctx, email)
	if err != nil {
		return err
	}
	return m.db.WithContext(ctx).Model(user).Update("is_active", true).Error
}

// EndSessions logs the account of email out everywhere and counts the sessions; ErrUserNotFound if there is none.
func (m *UserManager) EndSessions(ctx context.Context, email string) (int64, error) {
	user, err := m.ByEmail(ctx, email)
	if err != nil {
		return 0, err
	}
	return endSessions(m.db.WithContext(ctx).Where("user_id = ?", user.ID), EndedByOperator, moment(m.now))
}

// EndAllSessions logs everybody out and counts the sessions.
func (m *UserManager) EndAllSessions(ctx context.Context) (int64, error) {
	return endSessions(m.db.WithContext(ctx), EndedByOperator, moment(m.now))
}

// sparingTheLastSuperuser changes the account of email in a transaction, unless it is the last active superuser's. All of
// those are locked, so that two changes at once don't remove the last two.
func (m *UserManager) sparingTheLastSuperuser(
	ctx context.Context, email string, change func(tx *gorm.DB, user *User) error,
) error {
	return m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var superusers []User
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).
			Where("is_superuser AND is_active").Order("id").Find(&superusers).Error
		if err != nil {
			return err
		}
		user, err := m.Using(tx).ByEmail(ctx, email)
		if err != nil {
			return err
		}
		if len(superusers) == 1 && superusers[0].ID == user.ID {
			return ErrLastSuperuser
		}
		return change(tx, user)
	})
}
