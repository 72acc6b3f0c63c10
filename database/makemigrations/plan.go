package makemigrations

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/schema"
)

// statement is one SQL statement and a comment that describes it. Either may be empty.
type statement struct{ comment, sql string }

func (s statement) describe() string {
	if s.comment != "" {
		return s.comment
	}
	return s.sql
}

// planUp returns the statements that lead from one schema to another, and warnings about them.
func planUp(ctx context.Context, from, to state) ([]statement, []string, error) {
	before, err := from.inspect(ctx)
	if err != nil {
		return nil, nil, err
	}
	after, err := to.inspect(ctx)
	if err != nil {
		return nil, nil, err
	}
	changes, err := to.SchemaDiff(before, after, schema.DiffNormalized())
	if err != nil {
		return nil, nil, fmt.Errorf("comparing the schemas: %w", err)
	}
	statements, err := plan(ctx, from, to)
	return statements, warnings(to.Driver, changes), err
}

// plan returns the statements that lead from one schema to another and keep every row. A column that becomes NOT NULL is
// first made nullable, then the rows without a value get one, and only then NULL is forbidden. So the result is exactly the
// schema that the models describe, without a default that they do not have.
func plan(ctx context.Context, from, to state) ([]statement, error) {
	before, err := from.inspect(ctx)
	if err != nil {
		return nil, err
	}
	between, err := to.inspect(ctx)
	if err != nil {
		return nil, err
	}
	after, err := to.inspect(ctx)
	if err != nil {
		return nil, err
	}
	tightened := tightenedColumns(before, between)
	for _, column := range tightened {
		column.c.Type.Null = true
	}
	statements, err := step(ctx, to, before, between)
	if err != nil {
		return nil, err
	}
	for _, column := range tightened {
		statements = append(statements, column.fill())
	}
	last, err := step(ctx, to, between, after)
	return append(statements, last...), err
}

// step returns Atlas's plan from one schema to another.
func step(ctx context.Context, driver migrate.Driver, from, to *schema.Schema) ([]statement, error) {
	changes, err := driver.SchemaDiff(from, to, schema.DiffNormalized())
	if err != nil {
		return nil, fmt.Errorf("comparing the schemas: %w", err)
	}
	unqualified := func(o *migrate.PlanOptions) { o.SchemaQualifier, o.Indent = new(string), "  " }
	planned, err := driver.PlanChanges(ctx, "migration", changes, unqualified)
	if err != nil {
		return nil, fmt.Errorf("planning the migration: %w", err)
	}
	var statements []statement
	for _, change := range planned.Changes {
		// The migrator runs with foreign keys off, and within its transaction the pragma would do nothing.
		if !strings.HasPrefix(change.Cmd, "PRAGMA foreign_keys") {
			statements = append(statements, statement{comment: change.Comment, sql: change.Cmd})
		}
	}
	return statements, nil
}

// declaring returns the difference with the statements by which a contraction declares that no program without this migration can
// serve the schema. A schema from before that table has nowhere to declare it.
func (d difference) declaring(kind string, number int64) difference {
	const set = "UPDATE schema_compatibility SET oldest = %d"
	if kind == contract && d.oldest > 0 {
		d.up = append(slices.Clip(d.up), statement{sql: fmt.Sprintf(set, number)})
		d.down = append(slices.Clip(d.down), statement{sql: fmt.Sprintf(set, d.oldest)})
	}
	return d
}

// sqlOf returns the SQL of statements.
func sqlOf(statements []statement) string {
	var text strings.Builder
	for _, s := range statements {
		text.WriteString(s.sql + ";\n")
	}
	return text.String()
}

// render returns the text of a goose file.
func render(d difference, kind string) string {
	var text strings.Builder
	text.WriteString(firstLine + kind)
	if kind == contract {
		text.WriteString(sinceBlank)
	}
	text.WriteString("\n-- +goose Up\n")
	renderStatements(&text, d.up)
	text.WriteString("\n-- +goose Down\n")
	renderStatements(&text, d.down)
	return text.String()
}

func renderStatements(text *strings.Builder, statements []statement) {
	if len(statements) == 0 {
		text.WriteString("-- Nothing changes on this database.\n")
	}
	for _, s := range statements {
		if s.comment != "" {
			fmt.Fprintf(text, "-- %s\n", s.comment)
		}
		if s.sql == "" {
			continue
		}
		if strings.Contains(s.sql, ";") {
			fmt.Fprintf(text, "-- +goose StatementBegin\n%s;\n-- +goose StatementEnd\n", s.sql)
			continue
		}
		fmt.Fprintf(text, "%s;\n", s.sql)
	}
}
