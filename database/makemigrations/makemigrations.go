// Package makemigrations owns what Django's command of that name does: it compares the models with the migrations, on
// SQLite and on PostgreSQL, and generates the migration that makes them agree. It works on scratch databases only and
// touches neither a real database nor the source files.
package makemigrations

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"latchkey/database"
	"latchkey/database/scratch"
)

var (
	// ErrDrift is returned by [Check] if the models and the migrations differ.
	ErrDrift = errors.New("the models and the migrations differ")
	// ErrName is returned for an invalid name of a migration.
	ErrName = errors.New("the name of a migration consists of lower-case letters, digits and underscores, as in add_nickname")
	// ErrUnpaired is returned if the two folders of migrations do not contain the same file names.
	ErrUnpaired = errors.New("each migration needs a file of the same name for SQLite and for PostgreSQL")
)

var validName = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)

// Input is what to compare, and the name of the migration to generate.
type Input struct {
	Name       string             // of the new migration, as in add_nickname
	Models     []any              // pointers to GORM models, parents before their children
	Migrations fs.FS              // the folders sqlite and postgres
	Postgres   *scratch.Cluster   // where to create scratch databases; nil starts a server for the purpose
	Progress   func(doing string) // called before each step that takes time; may be nil
}

// Result is a new migration: its two files, or none if models and migrations agree, and what to know before applying it.
type Result struct {
	Files    []File
	Warnings []string
}

// File is a file to write. Path is relative to the folder of the migrations.
type File struct {
	Path    string
	Content string
}

// Generate compares the models with the migrations and returns the migration that makes them agree. The same input gives the
// same bytes. It fails with ErrName or ErrUnpaired on invalid input.
func Generate(ctx context.Context, in Input) (Result, error) {
	if !validName.MatchString(in.Name) {
		return Result{}, fmt.Errorf("%w, not %q", ErrName, in.Name)
	}
	number, err := nextNumber(in.Migrations)
	if err != nil {
		return Result{}, err
	}
	differences, err := compare(ctx, in)
	if err != nil || !differ(differences) {
		return Result{}, err
	}
	kind, notes := assess(differences)
	var result Result
	for _, d := range differences {
		file := path.Join(d.dialect, fmt.Sprintf("%05d_%s.sql", number, in.Name))
		result.Files = append(result.Files, File{Path: file, Content: render(d.declaring(kind, number), kind)})
		if result.Warnings == nil { // PostgreSQL's, which comes first and tells more types apart
			result.Warnings = d.warnings
		}
	}
	result.Warnings = append(result.Warnings, notes...)
	return result, nil
}

// assess returns whether the differences only expand the schema or also contract it, and what the developer has to know about
// that.
func assess(differences []difference) (kind string, notes []string) {
	kind = expand
	for _, d := range differences {
		for _, objection := range judgeStatements(d.dialect, sqlOf(d.up), true) {
			switch {
			case !objection.breaks:
				notes = append(notes, objection.String())
			case kind == expand:
				kind = contract
			}
		}
	}
	if kind == contract {
		notes = append(notes, "this migration contracts the schema: as soon as it is applied, older programs are not ready any more. "+
			"If an earlier release can serve the new schema, write the number of that release's last migration as oldest, in both "+
			"files. Write the first release that can serve it instead of vX.Y. If there is none yet, expand first; docs/upgrading.md "+
			"says how")
	}
	return kind, notes
}

// Check returns nil if the models and the migrations agree on both databases, and else [ErrDrift] with the differences. It
// ignores in.Name.
func Check(ctx context.Context, in Input) error {
	differences, err := compare(ctx, in)
	if err != nil || !differ(differences) {
		return err
	}
	var text strings.Builder
	for _, d := range differences {
		for _, change := range d.up {
			fmt.Fprintf(&text, "\n  %s: %s", d.dialect, change.describe())
		}
	}
	return fmt.Errorf("%w; run `latchkey makemigrations NAME` to write the migration for:%s", ErrDrift, text.String())
}

func differ(differences []difference) bool {
	return slices.ContainsFunc(differences, func(d difference) bool { return len(d.up) > 0 })
}

// nextNumber returns one more than the number of the last migration.
func nextNumber(migrations fs.FS) (int64, error) {
	names := map[string][]string{}
	last := int64(0)
	for _, dialect := range []string{database.Postgres, database.SQLite} {
		files, err := fs.Glob(migrations, dialect+"/*.sql")
		if err != nil {
			return 0, fmt.Errorf("reading the migrations: %w", err)
		}
		for _, file := range files {
			number, err := goose.NumericComponent(file)
			if err != nil {
				return 0, fmt.Errorf("reading the migration %s: %w", file, err)
			}
			last = max(last, number)
			names[dialect] = append(names[dialect], path.Base(file))
		}
	}
	if !slices.Equal(names[database.Postgres], names[database.SQLite]) {
		return 0, fmt.Errorf("%w: SQLite has %s; PostgreSQL has %s", ErrUnpaired,
			strings.Join(names[database.SQLite], ", "), strings.Join(names[database.Postgres], ", "))
	}
	return last + 1, nil
}
