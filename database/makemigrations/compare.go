package makemigrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"
	"ariga.io/atlas/sql/sqlite"
	"github.com/pressly/goose/v3"

	"latchkey/database"
	"latchkey/database/scratch"
)

// difference holds the statements that lead from the migrations to the models and back, in one dialect.
type difference struct {
	dialect  string
	up, down []statement
	warnings []string
	oldest   int64 // what the migrations declare in schema_compatibility, or 0 if they lack it
}

// newDatabase creates an empty scratch database and returns its URL.
type newDatabase func(ctx context.Context) (string, error)

func compare(ctx context.Context, in Input) ([]difference, error) {
	if in.Progress == nil {
		in.Progress = func(string) {}
	}
	dir, err := os.MkdirTemp("", "latchkey-makemigrations-")
	if err != nil {
		return nil, fmt.Errorf("making a scratch database: %w", err)
	}
	defer os.RemoveAll(dir)
	if in.Postgres == nil {
		in.Progress("starting a scratch PostgreSQL server")
		if in.Postgres, err = scratch.Start(ctx); err != nil {
			return nil, fmt.Errorf("comparing needs PostgreSQL: %w", err)
		}
		defer in.Postgres.Close()
	}
	in.Progress("comparing the models with the migrations on PostgreSQL")
	onPostgres, err := compareOn(ctx, database.Postgres, in, in.Postgres.CreateDatabase)
	if err != nil {
		return nil, fmt.Errorf("on PostgreSQL: %w", err)
	}
	in.Progress("comparing the models with the migrations on SQLite")
	onSQLite, err := compareOn(ctx, database.SQLite, in, sqliteFiles(dir))
	if err != nil {
		return nil, fmt.Errorf("on SQLite: %w", err)
	}
	return []difference{onPostgres, onSQLite}, nil
}

func sqliteFiles(dir string) newDatabase {
	made := 0
	return func(context.Context) (string, error) {
		made++
		return "sqlite:" + filepath.Join(dir, strconv.Itoa(made)+".db"), nil
	}
}

func compareOn(ctx context.Context, dialect string, in Input, create newDatabase) (d difference, err error) {
	d.dialect = dialect
	migrated, err := newState(ctx, create, func(url string) error {
		return applyMigrations(ctx, url, dialect, in.Migrations)
	})
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, migrated.Close()) }()
	modelled, err := newState(ctx, create, func(url string) error { return applyModels(url, in.Models) })
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, modelled.Close()) }()
	modelled.strictKeys = true
	if d.up, d.warnings, err = planUp(ctx, migrated, modelled); err != nil || len(d.up) == 0 {
		return d, err
	}
	if d.down, err = plan(ctx, modelled, migrated); err != nil {
		return d, err
	}
	d.oldest, err = database.OldestServed(ctx, migrated.pool, dialect)
	return d, err
}

func applyMigrations(ctx context.Context, url, dialect string, migrations fs.FS) error {
	files, err := fs.Glob(migrations, dialect+"/*.sql")
	if err != nil || len(files) == 0 {
		return err
	}
	migrator, err := database.NewMigratorFrom(url, migrations, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	_, err = migrator.Up(ctx)
	return errors.Join(err, migrator.Close())
}

func applyModels(url string, models []any) error {
	db, err := database.Open(url, database.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if err = db.AutoMigrate(models...); err != nil {
		err = fmt.Errorf("creating the models' tables: %w", err)
	}
	return errors.Join(err, database.Close(db))
}

// state is a scratch database as Atlas sees it.
type state struct {
	migrate.Driver
	pool *sql.DB
	// Read primary keys as NOT NULL. GORM leaves that out; PostgreSQL adds it by itself, and SQLite does not.
	strictKeys bool
}

func newState(ctx context.Context, create newDatabase, fill func(url string) error) (state, error) {
	url, err := create(ctx)
	if err != nil {
		return state{}, err
	}
	if err := fill(url); err != nil {
		return state{}, err
	}
	db, err := database.Open(url, database.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return state{}, err
	}
	pool, err := db.DB()
	if err != nil {
		return state{}, err
	}
	open := postgres.Open
	if database.Dialect(db) == database.SQLite {
		open = sqlite.Open
	}
	driver, err := open(pool)
	if err != nil {
		return state{}, errors.Join(fmt.Errorf("inspecting a scratch database: %w", err), pool.Close())
	}
	return state{Driver: driver, pool: pool}, nil
}

func (s state) Close() error { return s.pool.Close() }

// inspect reads the schema anew with each call, so that the caller may change the result.
func (s state) inspect(ctx context.Context) (*schema.Schema, error) {
	found, err := s.InspectSchema(ctx, "", &schema.InspectOptions{
		Mode: schema.InspectSchemas | schema.InspectTables,
		// The migrations write schema_compatibility, goose and River own the others; none has a model.
		Exclude: []string{goose.DefaultTablename, "schema_compatibility", "river_*"},
	})
	if err != nil {
		return nil, fmt.Errorf("inspecting a scratch database: %w", err)
	}
	if s.strictKeys {
		forbidNullKeys(found)
	}
	return found, nil
}

func forbidNullKeys(found *schema.Schema) {
	for _, table := range found.Tables {
		for _, column := range table.Columns {
			if inPrimaryKey(table, column) {
				column.Type.Null = false
			}
		}
	}
}
