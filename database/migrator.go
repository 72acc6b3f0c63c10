package database

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var embedded embed.FS

// Migrations returns the migrations embedded in the program: the folders postgres and sqlite, with goose SQL files of the
// same numbers and names in both.
func Migrations() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the embed directive names the folder
	}
	return sub
}

// Migrator applies migrations to one database, on connections of its own. Several processes may use one at once: one
// migrates and the others wait for it.
type Migrator struct {
	url      string
	dialect  string
	pool     *sql.DB
	provider *goose.Provider
	log      *slog.Logger
	retries  lockRetries
}

// Applied is a migration that was just applied or rolled back, and how long that took.
type Applied struct {
	Version  int64
	Name     string
	Duration time.Duration
}

// Migration is the state of one migration: Applied if the database has it, Known if this program does. One that is not known
// has no name.
type Migration struct {
	Version int64
	Name    string
	Applied bool
	Known   bool
}

// NewMigrator returns a migrator for the database at url (see [Open]) with the embedded migrations. It logs every migration
// to log. Close it after use.
func NewMigrator(url string, log *slog.Logger) (*Migrator, error) {
	return NewMigratorFrom(url, Migrations(), log)
}

// NewMigratorFrom does the same as [NewMigrator] with the given migrations, laid out like [Migrations].
func NewMigratorFrom(url string, migrations fs.FS, log *slog.Logger) (*Migrator, error) {
	dialect, err := dialectOf(url)
	if err != nil {
		return nil, err
	}
	folder, err := fs.Sub(migrations, dialect)
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	m := &Migrator{url: url, dialect: dialect, log: log, retries: lockRetries{tries: 10, pause: 2 * time.Second}}
	if m.pool, err = openForMigration(dialect, url); err != nil {
		return nil, err
	}
	m.provider, err = goose.NewProvider(gooseDialect(dialect), m.pool, folder, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading the migrations: %w", err), m.pool.Close())
	}
	return m, nil
}

// openForMigration opens PostgreSQL with a short lock_timeout (see [Migrator.retry]) and SQLite with foreign keys off:
// rebuilding a table, which is how SQLite alters one, would delete the rows that refer to it, and a migration can't switch them
// off, because the pragma does nothing within a transaction.
func openForMigration(dialect, url string) (*sql.DB, error) {
	if dialect == Postgres {
		return openPostgresForMigration(url)
	}
	return openSQLite(url, "foreign_keys(off)")
}

func gooseDialect(dialect string) goose.Dialect {
	if dialect == Postgres {
		return goose.DialectPostgres
	}
	return goose.DialectSQLite3
}

// Close closes the migrator's connections.
func (m *Migrator) Close() error { return m.pool.Close() }

// Up applies every pending migration, in order and each in a transaction (unless it says NO TRANSACTION), and returns those
// applied, also with an error: the migrations before a failed one stay applied. A newer database is left as it is: Up does
// nothing if this program can serve it, and else fails with [ErrSchemaNewer].
func (m *Migrator) Up(ctx context.Context) ([]Applied, error) {
	pending, err := m.pending(ctx)
	if err != nil || pending == 0 {
		return nil, err
	}
	m.log.InfoContext(ctx, "migrating the database", "pending", pending)
	var applied []Applied
	err = m.exclusively(ctx, func() error {
		for {
			result, err := m.retry(ctx, m.provider.UpByOne)
			if errors.Is(err, goose.ErrNoNextVersion) {
				return m.checkForeignKeys(ctx)
			}
			if err != nil {
				return migrationError(err)
			}
			applied = append(applied, m.report(ctx, "migration applied", result))
		}
	})
	return applied, err
}

// Down rolls back the last applied migration and returns it, or nil if there is none. It fails with [ErrSchemaNewer] if this
// program does not know that migration.
func (m *Migrator) Down(ctx context.Context) (*Applied, error) {
	var applied *Applied
	err := m.exclusively(ctx, func() error {
		result, err := m.retry(ctx, m.provider.Down)
		switch {
		case errors.Is(err, goose.ErrNoNextVersion):
			return nil
		case errors.Is(err, goose.ErrVersionNotFound):
			return fmt.Errorf("%w: only a program that has the last migration can roll it back", ErrSchemaNewer)
		case err != nil:
			return migrationError(err)
		}
		undone := m.report(ctx, "migration rolled back", result)
		applied = &undone
		return m.checkForeignKeys(ctx)
	})
	return applied, err
}

// exclusively calls work while no other process migrates this database. One lock covers all of its migrations, so that
// processes do not take turns between them.
func (m *Migrator) exclusively(ctx context.Context, work func() error) error {
	if m.dialect == Postgres {
		if err := refusePooler(ctx, m.url); err != nil {
			return fmt.Errorf("migrating the database: %w", err)
		}
	}
	conn, err := m.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	defer conn.Close()
	locker, err := newLocker(m.dialect, m.url)
	if err != nil {
		return err
	}
	if err := locker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("waiting for another process to migrate: %w", err)
	}
	err = work()
	return errors.Join(err, locker.SessionUnlock(context.WithoutCancel(ctx), conn))
}

func (m *Migrator) report(ctx context.Context, message string, result *goose.MigrationResult) Applied {
	applied := Applied{result.Source.Version, migrationName(result.Source.Path), result.Duration}
	m.log.InfoContext(ctx, message, "version", applied.Version, "name", applied.Name, "duration", applied.Duration)
	return applied
}

// migrationName returns a file's name without number and extension: create_users for 00001_create_users.sql.
func migrationName(file string) string {
	_, name, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), "_")
	return name
}

// migrationError adds the name of the migration that failed, and an explanation if its table exists already.
func migrationError(err error) error {
	var partial *goose.PartialError
	if !errors.As(err, &partial) {
		return fmt.Errorf("migrating the database: %w", err)
	}
	file := path.Base(partial.Failed.Source.Path)
	if strings.Contains(partial.Err.Error(), "already exists") {
		return fmt.Errorf("migration %s was not applied: %w (something other than these migrations made it; "+
			"is this the right database?)", file, partial.Err)
	}
	return fmt.Errorf("migration %s was not applied: %w", file, partial.Err)
}

// Status returns every migration of the program and of the database, ordered by version. It changes nothing.
func (m *Migrator) Status(ctx context.Context) ([]Migration, error) {
	state, err := m.state(ctx)
	return state.migrations, err
}

// Check returns nil if this program can serve the database: all of its migrations are applied, and the database has no newer
// ones, or the newer ones leave everything in place that this program uses. Else it returns [ErrSchemaStale] or
// [ErrSchemaNewer], with the migrations in question and what to do. It changes nothing and takes no lock.
func (m *Migrator) Check(ctx context.Context) error {
	state, err := m.state(ctx)
	if err != nil {
		return err
	}
	return state.check()
}

func (m *Migrator) state(ctx context.Context) (schemaState, error) {
	return readState(ctx, m.pool, m.dialect, m.provider.ListSources())
}

func (m *Migrator) pending(ctx context.Context) (int, error) {
	state, err := m.state(ctx)
	if err != nil {
		return 0, err
	}
	if err := state.check(); errors.Is(err, ErrSchemaNewer) {
		return 0, err
	}
	return state.pending(), nil
}

// checkForeignKeys fails if a migration left a row whose parent is missing, which SQLite does not check by itself while
// foreign keys are off.
func (m *Migrator) checkForeignKeys(ctx context.Context) error {
	if m.dialect != SQLite {
		return nil
	}
	var table, parent string
	var row sql.NullInt64
	var key int
	err := m.pool.QueryRowContext(ctx, "PRAGMA foreign_key_check").Scan(&table, &row, &parent, &key)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("checking the foreign keys after migrating: %w", err)
	}
	return fmt.Errorf("after migrating, row %s of %s refers to a row of %s that does not exist; restore the backup",
		strconv.FormatInt(row.Int64, 10), table, parent)
}
