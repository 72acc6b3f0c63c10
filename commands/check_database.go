package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"latchkey/config"
	"latchkey/database"
	"latchkey/server"
)

const (
	leastFreeSpace = 1 << 30        // bytes
	oldestBackup   = 26 * time.Hour // a daily job may begin late and take its time
)

// checkDatabase reports what is wrong with the database, its schema, its server and its backups.
func (c *console) checkDatabase(ctx context.Context, settings config.Settings) []config.Finding {
	schema := c.checkSchema(ctx, settings)
	findings := schemaFindings(schema, settings)
	if settings.Database.IsSQLite() {
		findings = append(findings, checkFreeSpace(settings)...)
	} else if !anyError(findings) {
		findings = append(findings, c.checkServer(ctx, settings)...)
	}
	if schema == nil {
		findings = append(findings, c.checkKeysInUse(ctx, settings)...)
	}
	return append(findings, c.checkBackups(settings)...)
}

// checkKeysInUse reports signing keys in the configured database that the secret key does not open.
func (c *console) checkKeysInUse(ctx context.Context, settings config.Settings) (findings []config.Finding) {
	if !settings.SecretKey.IsSet() {
		return nil // the first start makes it
	}
	err := c.withOpenDatabase(settings, func(with server.Resources) error {
		findings = checkStoredKeys(ctx, settings, with)
		return nil
	})
	if err != nil {
		return []config.Finding{failure("DATABASE_URL", err.Error(), "")}
	}
	return findings
}

// schemaFindings explains why a database is not ready for the service.
func schemaFindings(err error, settings config.Settings) []config.Finding {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, database.ErrSchemaStale) && settings.Database.AutoMigrate:
		return nil // serve will bring it up to date
	case errors.Is(err, database.ErrSchemaStale):
		return []config.Finding{failure("schema", err.Error(), "Run: latchkey migrate up")}
	case errors.Is(err, database.ErrSchemaNewer):
		return []config.Finding{failure("schema", err.Error(), "Run the newer program, or roll back with it: latchkey migrate down")}
	case errors.Is(err, database.ErrEncoding):
		return []config.Finding{failure("encoding", err.Error(),
			"Create another database and use that: CREATE DATABASE latchkey ENCODING 'UTF8' TEMPLATE template0")}
	default:
		return []config.Finding{failure("DATABASE_URL", err.Error(), "Check that "+settings.Database.Redacted()+" can be reached")}
	}
}

// checkSchema compares the database's encoding and schema with what the program needs. A missing SQLite file counts as a stale
// schema: opening it would create it.
func (c *console) checkSchema(ctx context.Context, settings config.Settings) (err error) {
	if settings.Database.IsSQLite() {
		if _, err := os.Stat(settings.Database.Path()); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s does not exist yet", database.ErrSchemaStale, settings.Database.Path())
		}
	}
	migrator, err := database.NewMigrator(settings.Database.URL.Reveal(), c.logger(settings))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, migrator.Close()) }()
	if err := migrator.CheckEncoding(ctx); err != nil {
		return err
	}
	return migrator.Check(ctx)
}

// withOpenDatabase calls work with the configured database as it is, without a word in the log.
func (c *console) withOpenDatabase(settings config.Settings, work func(server.Resources) error) (err error) {
	log := slog.New(slog.DiscardHandler)
	db, err := server.OpenDatabase(settings, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close(db)) }()
	return work(server.Resources{DB: db, Log: log, Now: c.now})
}

// checkServer reports what is wrong with a PostgreSQL server, or between it and this program.
func (c *console) checkServer(ctx context.Context, settings config.Settings) (findings []config.Finding) {
	err := c.withOpenDatabase(settings, func(with server.Resources) error {
		difference, err := database.ClockDifference(ctx, with.DB, with.Now)
		if err != nil {
			return err
		}
		replication, err := database.ReadReplication(ctx, with.DB)
		if err != nil {
			return err
		}
		findings = append(clockFindings(difference, settings.JWT.Leeway), replicationFindings(replication)...)
		return nil
	})
	losing, poolerErr := database.LosesStatements(ctx, settings.Database.URL.Reveal())
	if losing {
		findings = append(findings, failure("pooler", "DATABASE_URL leads to a connection pooler in transaction mode, which gives "+
			"prepared statements to the wrong connections: requests will fail now and then",
			"Add default_query_exec_mode=exec to the URL, and run migrations with a URL that leads to PostgreSQL itself."))
	}
	if err = errors.Join(err, poolerErr); err != nil {
		findings = append(findings, warning("database server", "can't be examined: "+err.Error(), ""))
	}
	return findings
}

// clockFindings judges by how much this machine's clock is ahead of the database's.
func clockFindings(ahead, leeway time.Duration) []config.Finding {
	const remedy = "Let both machines follow NTP."
	differs := fmt.Sprintf("the clock of this machine is %s ahead of the database's", ahead.Round(time.Millisecond))
	if ahead < 0 {
		differs = fmt.Sprintf("the clock of this machine is %s behind the database's", (-ahead).Round(time.Millisecond))
	}
	switch {
	case ahead.Abs() <= server.ClockTolerance:
		return nil
	case ahead.Abs() > leeway:
		return []config.Finding{failure("clock", differs+", more than JWT_LEEWAY: replicas may refuse each other's tokens", remedy)}
	default:
		return []config.Finding{warning("clock", differs, remedy)}
	}
}

func replicationFindings(r database.Replication) []config.Finding {
	switch {
	case !r.IsDurable():
		return []config.Finding{warning("replication", "synchronous_commit is off, so a crash of the server loses what was "+
			"acknowledged just before", "Set synchronous_commit=on.")}
	case r.Standbys > 0 && !r.WaitsForStandby():
		return []config.Finding{warning("replication", "commits don't wait for a standby, so a failover loses what it has not received",
			"Set synchronous_standby_names, such as 'ANY 1 (*)', and synchronous_commit=on.")}
	}
	return nil
}

// checkFreeSpace warns if the disk of an SQLite database is nearly full.
func checkFreeSpace(settings config.Settings) []config.Finding {
	folder := filepath.Dir(settings.Database.Path())
	free, known := database.FreeSpace(folder)
	if !known || free >= leastFreeSpace {
		return nil
	}
	return []config.Finding{warning("disk", fmt.Sprintf("only %d MiB are free in %s, where the database grows", free>>20, folder),
		"Make room, or move the database to a larger disk.")}
}

// checkBackups warns if BACKUP_DIR has had no new backup for more than a day, whatever program writes them.
func (c *console) checkBackups(settings config.Settings) []config.Finding {
	folder := settings.Database.BackupDir
	if folder == "" {
		return nil
	}
	const remedy = "Run latchkey backup --keep 7 every day, or pg_dump if the database is on a PostgreSQL server."
	newest, err := newestFile(folder)
	switch age := c.now().Sub(newest); {
	case err != nil:
		return []config.Finding{warning("BACKUP_DIR", "can't be read: "+err.Error(), "Create the folder, and let this user read it.")}
	case newest.IsZero():
		return []config.Finding{warning("BACKUP_DIR", "has no backup in it", remedy)}
	case age > oldestBackup:
		return []config.Finding{warning("BACKUP_DIR", fmt.Sprintf("has no backup that is younger than %d h", int(age.Hours())), remedy)}
	}
	return nil
}

// newestFile returns when the newest backup in a folder was last written, or the zero time if the folder has no backup. Files
// that are hidden, empty or called .partial are not whole backups, and don't count.
func newestFile(folder string) (newest time.Time, err error) {
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") || strings.HasSuffix(entry.Name(), ".partial") {
			continue
		}
		info, infoErr := entry.Info()
		if infoErr == nil && info.Mode().IsRegular() && info.Size() > 0 && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest, err
}
