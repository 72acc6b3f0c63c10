package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	goosedb "github.com/pressly/goose/v3/database"
	"gorm.io/gorm"
)

var (
	// ErrSchemaStale is returned if the database lacks migrations of this program.
	ErrSchemaStale = errors.New("the database schema is out of date")
	// ErrSchemaNewer is returned if the database has migrations that this program does not know, and does not declare that
	// this program can serve it all the same.
	ErrSchemaNewer = errors.New("the database schema is newer than this program")
)

// compatibilityTable has one row: oldest, the version of the oldest schema whose programs can serve this database. Only
// migrations write it, and only those that take away what older programs use.
const compatibilityTable = "schema_compatibility"

// CheckSchema does the same as [Migrator.Check] on an open database, with the embedded migrations.
func CheckSchema(ctx context.Context, db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return fmt.Errorf("reading the schema's version: %w", err)
	}
	return checkSchema(ctx, pool, Dialect(db))
}

func checkSchema(ctx context.Context, conn goosedb.DBTxConn, dialect string) error {
	sources, err := embeddedSources(dialect)
	if err != nil {
		return err
	}
	state, err := readState(ctx, conn, dialect, sources)
	if err != nil {
		return err
	}
	return state.check()
}

func embeddedSources(dialect string) ([]*goose.Source, error) {
	files, err := fs.Glob(Migrations(), dialect+"/*.sql")
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	sources := make([]*goose.Source, 0, len(files))
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return nil, fmt.Errorf("reading the migrations: %w", err)
		}
		sources = append(sources, &goose.Source{Type: goose.TypeSQL, Path: file, Version: version})
	}
	return sources, nil
}

// merge returns the program's migrations and those that only the database has, ordered by version.
func merge(sources []*goose.Source, applied []int64) []Migration {
	var migrations []Migration
	for _, source := range sources {
		migrations = append(migrations, Migration{
			Version: source.Version,
			Name:    migrationName(source.Path),
			Applied: slices.Contains(applied, source.Version),
			Known:   true,
		})
	}
	for _, version := range applied {
		known := func(m Migration) bool { return m.Version == version }
		if !slices.ContainsFunc(migrations, known) {
			migrations = append(migrations, Migration{Version: version, Applied: true})
		}
	}
	slices.SortFunc(migrations, func(a, b Migration) int { return int(a.Version - b.Version) })
	return migrations
}

// schemaState is what decides whether a program can serve a database.
type schemaState struct {
	migrations []Migration
	oldest     int64 // the oldest schema whose programs can serve the database, 0 if it does not say or has no newer migration
}

func readState(ctx context.Context, db goosedb.DBTxConn, dialect string, sources []*goose.Source) (schemaState, error) {
	applied, err := appliedVersions(ctx, db, dialect)
	if err != nil {
		return schemaState{}, err
	}
	state := schemaState{migrations: merge(sources, applied)}
	if len(state.unknown()) > 0 {
		state.oldest, err = OldestServed(ctx, db, dialect)
	}
	return state, err
}

// OldestServed returns the version of the oldest schema whose programs can serve the database, or 0 if it does not declare one.
func OldestServed(ctx context.Context, db goosedb.DBTxConn, dialect string) (oldest int64, err error) {
	exists, err := tableExists(ctx, db, dialect, compatibilityTable)
	if err != nil || !exists {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT oldest FROM "+compatibilityTable).Scan(&oldest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("reading which programs can serve the schema: %w", err)
	}
	return oldest, nil
}

// check is the rule of [Migrator.Check].
func (s schemaState) check() error {
	unknown, pending := s.unknown(), s.pending()
	switch {
	case len(unknown) > 0 && !s.servesThisProgram():
		return s.newerError(unknown)
	case pending == 1:
		return fmt.Errorf("%w: 1 migration is pending; run `latchkey migrate up`", ErrSchemaStale)
	case pending > 1:
		return fmt.Errorf("%w: %d migrations are pending; run `latchkey migrate up`", ErrSchemaStale, pending)
	}
	return nil
}

// servesThisProgram reports whether a database with unknown migrations declares that this program can serve it. What it
// declares is about migrations that came after this program's: one in between is another program's.
func (s schemaState) servesThisProgram() bool {
	newest := s.newestKnown()
	return s.pending() == 0 && s.oldest > 0 && s.oldest <= newest && s.unknown()[0] > newest
}

func (s schemaState) newerError(unknown []int64) error {
	numbers := make([]string, len(unknown))
	for i, version := range unknown {
		numbers[i] = strconv.FormatInt(version, 10)
	}
	reason := "which this program does not know"
	if s.oldest > s.newestKnown() {
		reason = fmt.Sprintf("which this program does not know, and can only be served by programs that have migration %d", s.oldest)
	}
	return fmt.Errorf("%w: it has migration %s, %s; run the version that has it, or a newer one",
		ErrSchemaNewer, strings.Join(numbers, ", "), reason)
}

// unknown returns the versions that only the database has, in ascending order.
func (s schemaState) unknown() (versions []int64) {
	for _, m := range s.migrations {
		if !m.Known {
			versions = append(versions, m.Version)
		}
	}
	return versions
}

func (s schemaState) newestKnown() (version int64) {
	for _, m := range s.migrations {
		if m.Known {
			version = m.Version
		}
	}
	return version
}

func (s schemaState) pending() (count int) {
	for _, m := range s.migrations {
		if !m.Applied {
			count++
		}
	}
	return count
}

// appliedVersions returns the versions recorded in the database, nil if it was never migrated.
func appliedVersions(ctx context.Context, db goosedb.DBTxConn, dialect string) ([]int64, error) {
	store, err := goosedb.NewStore(gooseDialect(dialect), goose.DefaultTablename)
	if err != nil {
		return nil, fmt.Errorf("reading the schema's version: %w", err)
	}
	exists, err := tableExists(ctx, db, dialect, store.Tablename())
	if err != nil || !exists {
		return nil, err
	}
	rows, err := store.ListMigrations(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("reading the schema's version: %w", err)
	}
	var versions []int64
	for _, row := range rows {
		if row.Version > 0 {
			versions = append(versions, row.Version)
		}
	}
	return versions, nil
}

func tableExists(ctx context.Context, db goosedb.DBTxConn, dialect, name string) (bool, error) {
	query := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1"
	if dialect == Postgres {
		query = "SELECT count(to_regclass($1))"
	}
	var count int
	if err := db.QueryRowContext(ctx, query, name).Scan(&count); err != nil {
		return false, fmt.Errorf("reading the schema's version: %w", err)
	}
	return count > 0, nil
}
