package server

import (
	"context"
	"errors"
	"log/slog"

	"gorm.io/gorm"

	"latchkey/config"
	"latchkey/database"
)

// PrepareSchema makes sure that the database has the schema of this program: it applies pending migrations where the settings
// allow that, and fails with database.ErrSchemaStale elsewhere.
func PrepareSchema(ctx context.Context, settings config.Settings, log *slog.Logger) (err error) {
	migrator, err := database.NewMigrator(settings.Database.URL.Reveal(), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, migrator.Close()) }()
	if err := migrator.CheckEncoding(ctx); err != nil {
		return err
	}
	if !settings.Database.AutoMigrate {
		return migrator.Check(ctx)
	}
	_, err = migrator.Up(ctx)
	return err
}

// Opener opens the database of the settings: OpenDatabase or OpenDatabaseForRequests.
type Opener func(settings config.Settings, log *slog.Logger) (*gorm.DB, error)

// OpenDatabase opens the database of the settings, with the bounds on connections that they set.
func OpenDatabase(settings config.Settings, log *slog.Logger) (*gorm.DB, error) {
	return database.Open(settings.Database.URL.Reveal(), databaseOptions(settings, log))
}

// OpenDatabaseForRequests is OpenDatabase for a server. PostgreSQL itself ends a statement that takes longer than any request
// waits for it.
func OpenDatabaseForRequests(settings config.Settings, log *slog.Logger) (*gorm.DB, error) {
	options := databaseOptions(settings, log)
	options.StatementTimeout = 2 * settings.Server.RequestTimeout
	return database.Open(settings.Database.URL.Reveal(), options)
}

func databaseOptions(settings config.Settings, log *slog.Logger) database.Options {
	return database.Options{
		MaxOpenConns:    settings.Database.MaxOpenConns,
		MaxIdleConns:    settings.Database.MaxIdleConns,
		ConnMaxLifetime: settings.Database.ConnMaxLifetime,
		Logger:          log,
	}
}
