package database

import (
	"context"
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
	// ErrSchemaNewer is returned if the database has migrations that this program does not know.
	ErrSchemaNewer = errors.New("the database schema is newer than this program")
)

// CheckSchema does the same as [Migrator.Check] on an open database, with the embedded migrations.
func CheckSchema(ctx context.Context, db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return fmt.Errorf("reading the schema's version: %w", err)
	}
	return checkSchema(ctx, pool, Dialect(db))
}

func checkSchema(ctx context.Context, conn goosedb.DBTxConn, dialect string) error {
	applied, err := appliedVersions(ctx, conn, dialect)
	if err != nil {
		return err
	}
	sources, err := embeddedSources(dialect)
	if err != nil {
		return err
	}
	return check(merge(sources, applied))
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

func check(migrations []Migration) error {
	var unknown []string
	for _, m := range migrations {
		if !m.Known {
			unknown = append(unknown, strconv.FormatInt(m.Version, 10))
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("%w: it has migration %s, which this program does not know; run the version that has it, or a newer one",
			ErrSchemaNewer, strings.Join(unknown, ", "))
	}
	switch pending := countPending(migrations); pending {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%w: 1 migration is pending; run `latchkey migrate up`", ErrSchemaStale)
	default:
		return fmt.Errorf("%w: %d migrations are pending; run `latchkey migrate up`", ErrSchemaStale, pending)
	}
}

func countPending(migrations []Migration) int {
	count := 0
	for _, m := range migrations {
		if !m.Applied {
			count++
		}
	}
	return count
}
