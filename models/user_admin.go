package models

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Promote gives the account of email every right; ErrUserNotFound if there is none.
func (m *UserManager) Promote(ctx context.Context, email string) error {
	return m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		user, err := m.Using(tx).ByEmail(ctx, email)
		if err != nil {
			return err
		}
		return m.changeRoles(tx, user, User{IsStaff: true, IsSuperuser: true}, DetailPromoted)
	})
}

// Demote takes its rights from the account of email. It answers ErrUserNotFound if there is none, and ErrLastSuperuser
// if no other active superuser would remain.
func (m *UserManager) Demote(ctx context.Context, email string) error {
	return m.sparingTheLastSuperuser(ctx, email, func(tx *gorm.DB, user *User) error {
		return m.changeRoles(tx, user, User{}, DetailDemoted)
	})
}

func (m *UserManager) changeRoles(tx *gorm.DB, user *User, roles User, detail string) error {
	if err := tx.Model(user).Select("is_staff", "is_superuser").Updates(roles).Error; err != nil {
		return err
	}
	return m.audit.record(tx, AuditEvent{Kind: EventRolesChanged, UserID: user.ID, Detail: detail}, Client{})
}

// Deactivate disables the account of email and ends its sessions. Errors are those of Demote.
func (m *UserManager) Deactivate(ctx context.Context, email string) error {
	return m.sparingTheLastSuperuser(ctx, email, func(tx *gorm.DB, user *User) error {
		if err := tx.Model(user).Update("is_active", false).Error; err != nil {
			return err
		}
		event := AuditEvent{Kind: EventAccountDisabled, UserID: user.ID}
		if err := m.audit.record(tx, event, Client{}); err != nil {
			return err
		}
		_, err := m.endSessions(tx, Ending{Reason: EndedByOperator}, "user_id = ?", user.ID)
		return err
	})
}

// Activate lets the account of email log in again; ErrUserNotFound if there is none.
func (m *UserManager) Activate(ctx context.Context, email string) error {
	return m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		user, err := m.Using(tx).ByEmail(ctx, email)
		if err != nil {
			return err
		}
		if err := tx.Model(user).Update("is_active", true).Error; err != nil {
			return err
		}
		return m.audit.record(tx, AuditEvent{Kind: EventAccountEnabled, UserID: user.ID}, Client{})
	})
}

// Delete deletes the account of email with all that belongs to it. Errors are those of Demote.
func (m *UserManager) Delete(ctx context.Context, email string) error {
	return m.sparingTheLastSuperuser(ctx, email, func(tx *gorm.DB, user *User) error {
		_, err := m.Using(tx).deleteWhere(ctx, 1, "id = ?", user.ID)
		return err
	})
}

// EndSessions logs the account of email out everywhere and counts the sessions; ErrUserNotFound if there is none.
func (m *UserManager) EndSessions(ctx context.Context, email string) (ended int, err error) {
	err = m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		user, err := m.Using(tx).ByEmail(ctx, email)
		if err != nil {
			return err
		}
		ended, err = m.endSessions(tx, Ending{Reason: EndedByOperator}, "user_id = ?", user.ID)
		return err
	})
	return ended, err
}

const endingBatch = 500

// EndAllSessions logs everybody out, a batch of sessions at a time, and counts the sessions.
func (m *UserManager) EndAllSessions(ctx context.Context) (total int, err error) {
	for {
		var ended int
		err := m.db.WithContext(ctx).Transaction(func(tx *gorm.DB) (err error) {
			live := tx.Model(&Session{}).Select("id").Where("ended_at IS NULL").Limit(endingBatch)
			ended, err = m.endSessions(tx, Ending{Reason: EndedByOperator}, "id IN (?)", live)
			return err
		})
		total += ended
		if err != nil || ended < endingBatch {
			return total, err
		}
	}
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
