package commands

import (
	"context"
	"log/slog"

	"latchkey/config"
	"latchkey/models"
	"latchkey/server"
)

// withUsers calls work with the manager of the users in the configured database.
func (c *console) withUsers(ctx context.Context, settings config.Settings, work func(*models.UserManager) error) error {
	return c.withManagers(ctx, settings, func(m server.Managers) error { return work(m.Users) })
}

// withManagers calls work with all managers on the configured database.
func (c *console) withManagers(ctx context.Context, settings config.Settings, work func(server.Managers) error) error {
	return c.withDatabase(ctx, settings, func(with server.Resources) error {
		hasher, err := server.NewHasher(settings, 1)
		if err != nil {
			return err
		}
		defer hasher.Close()
		// The command prints a sentence, and the row of the audit log is what stays.
		with.Hasher, with.Log = hasher, slog.New(slog.DiscardHandler)
		managers, err := server.NewManagers(settings, with)
		if err != nil {
			return err
		}
		return work(managers)
	})
}
