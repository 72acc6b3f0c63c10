package commands

import (
	"context"
	"log/slog"

	"gorm.io/gorm"

	"latchkey/config"
	"latchkey/models"
)

// withUsers runs work with the manager of the users in the configured database, whose schema must be current.
func (c *console) withUsers(ctx context.Context, settings config.Settings, work func(*models.UserManager) error) error {
	return c.withDatabase(ctx, settings, func(db *gorm.DB) error {
		hasher, err := NewHasher(settings, 1)
		if err != nil {
			return err
		}
		defer hasher.Close()
		// The person at the console is told in a sentence; the row is what stays.
		quiet := slog.New(slog.DiscardHandler)
		queue, err := newQueue(Resources{DB: db, Log: quiet, Now: c.now})
		if err != nil {
			return err
		}
		audit := models.NewAuditLog(db, notices(settings.Account, queue), quiet, c.now)
		return work(models.NewUserManager(db, passwordRules(settings, hasher), audit, c.now))
	})
}
