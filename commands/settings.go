package commands

import (
	"context"
	"errors"
	"fmt"

	"latchkey/config"
	"latchkey/database"
	"latchkey/server"
)

// settings loads the settings and, in development, creates the secret key if they give none.
func (c *console) settings() (config.Settings, error) {
	settings, err := config.Load(c.environ, ".")
	for _, warning := range settings.Warnings {
		fmt.Fprintf(c.stderr, "latchkey: warning: %s\n", warning)
	}
	if err != nil {
		return settings, err
	}
	created, err := config.EnsureSecretKey(&settings)
	if created != "" {
		fmt.Fprintf(c.stderr, "latchkey: made a secret key in %s; keep it with the database\n", created)
	}
	return settings, err
}

// withDatabase calls work with the configured database, and all other resources but a hasher, after it has applied pending
// migrations where the settings allow that. Elsewhere it fails unless the schema is current.
func (c *console) withDatabase(ctx context.Context, settings config.Settings, work func(server.Resources) error) error {
	return c.withOpened(ctx, settings, server.OpenDatabase, work)
}

// withOpened is withDatabase with the function that opens the database.
func (c *console) withOpened(
	ctx context.Context, settings config.Settings, open server.Opener, work func(server.Resources) error,
) (err error) {
	log := c.logger(settings)
	if err := server.PrepareSchema(ctx, settings, log); err != nil {
		return err
	}
	db, err := open(settings, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close(db)) }()
	return work(server.Resources{DB: db, Log: log, Now: c.now})
}
