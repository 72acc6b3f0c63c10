package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"latchkey/config"
	"latchkey/database"
	"latchkey/models"
	"latchkey/models/keys"
	"latchkey/server"
)

const olderBackup = "Use an older backup."

// The subjects of the errors that --force overrides: another schema, and signing keys under another secret key.
const (
	schemaSubject = "schema"
	keysSubject   = "signing keys"
)

// prevents reports whether a finding speaks against a restore even with --force.
func prevents(f config.Finding) bool {
	return f.Level == config.LevelError && f.Subject != schemaSubject && f.Subject != keysSubject
}

// inspect prints what is in the SQLite backup at path, and returns what speaks against restoring it.
func (c *console) inspect(ctx context.Context, path string, settings config.Settings) []config.Finding {
	db, err := database.OpenBackup(path)
	if errors.Is(err, database.ErrIncomplete) {
		return []config.Finding{failure("file", err.Error(), "Copy a database by latchkey backup, never by cp while the service runs.")}
	}
	if err != nil {
		return []config.Finding{failure("file", err.Error(), olderBackup)}
	}
	defer func() { _ = database.Close(db) }() // nothing was written
	with := server.Resources{DB: db, Log: slog.New(slog.DiscardHandler), Now: c.now}
	faults, err := database.Faults(ctx, db)
	if err != nil {
		faults = append(faults, err.Error())
	}
	if len(faults) > 0 { // what else a damaged file says proves nothing
		first := strings.Join(strings.Fields(faults[0]), " ")
		return []config.Finding{failure("integrity", fmt.Sprintf("%s (%d faults in all)", first, len(faults)), olderBackup)}
	}
	version, err := database.Version(ctx, db)
	switch {
	case err != nil:
		return []config.Finding{failure("file", err.Error(), olderBackup)}
	case version == 0:
		return []config.Finding{failure("file", "it is an SQLite database, but none of this program", "")}
	}
	summary, err := models.Summarize(ctx, db, c.now())
	if err != nil {
		return []config.Finding{failure("file", err.Error(), olderBackup)}
	}
	c.printSummary(path, version, summary)
	return append(backupSchemaFindings(database.CheckSchema(ctx, db)), checkStoredKeys(ctx, settings, with)...)
}

func (c *console) printSummary(path string, version int64, summary models.Summary) {
	c.table([][2]string{
		{"file", path + ", " + sizeOf(path)},
		{schemaSubject, strconv.FormatInt(version, 10)},
		{"users", strconv.FormatInt(summary.Users, 10)},
		{"superusers", strconv.FormatInt(summary.Superusers, 10)},
		{"sessions", strconv.FormatInt(summary.Sessions, 10)},
		{"newest event", c.ageOf(summary.NewestEvent)},
	})
}

func backupSchemaFindings(err error) []config.Finding {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, database.ErrSchemaStale):
		return []config.Finding{warning(schemaSubject, "it is older than that of this program",
			"After the restore, run: latchkey migrate up")}
	case errors.Is(err, database.ErrSchemaNewer):
		return []config.Finding{failure(schemaSubject, err.Error(), "Restore it with the program that wrote it, or a newer one.")}
	default:
		return []config.Finding{failure("file", err.Error(), olderBackup)}
	}
}

// checkStoredKeys reports signing keys in a database that the secret key does not open. It changes nothing.
func checkStoredKeys(ctx context.Context, settings config.Settings, with server.Resources) []config.Finding {
	switch {
	case !settings.JWT.ManagesKeys():
		return nil // the settings give the key
	case !settings.SecretKey.IsSet():
		return []config.Finding{warning(keysSubject, "can't be tried, because SECRET_KEY is not set",
			"Set the key that the service has.")}
	}
	err := server.NewSigningKeyManager(settings, with).Check(ctx)
	switch {
	case err == nil, errors.Is(err, keys.ErrNoKeys):
		return nil
	case errors.Is(err, keys.ErrLocked):
		return []config.Finding{failure(keysSubject, err.Error(),
			"With another SECRET_KEY, refresh tokens and links in mails are void too.")}
	default:
		return []config.Finding{failure("database", fmt.Sprintf("the signing keys can't be read: %v", err), "")}
	}
}
