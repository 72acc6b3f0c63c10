package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

var (
	// ErrNoTable means that a database has no table that could be meant, or several.
	ErrNoTable = errors.New("no table of users")
	// ErrNotPostgres means that another system's database is not one that can be read.
	ErrNotPostgres = errors.New("only a PostgreSQL database can be read; for others use a dump")
)

// Foreign is another system's PostgreSQL database, as it was when it was opened. Nothing is written to it.
type Foreign struct {
	db *gorm.DB
	tx *gorm.DB
}

// OpenForeign opens the database at url. A password that the URL leaves out comes from PGPASSWORD or ~/.pgpass.
func OpenForeign(ctx context.Context, url string) (*Foreign, error) {
	if dialect, err := dialectOf(url); err != nil || dialect != Postgres {
		return nil, ErrNotPostgres
	}
	db, err := Open(url, Options{MaxOpenConns: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	tx := db.WithContext(ctx).Begin(&sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if tx.Error != nil {
		return nil, errors.Join(tx.Error, Close(db))
	}
	return &Foreign{db: db, tx: tx}, nil
}

// Close ends the reading.
func (f *Foreign) Close() error {
	return errors.Join(f.tx.Rollback().Error, Close(f.db))
}

// TableWith finds the one table that has all these columns, as schema.name; ErrNoTable tells of none and of several.
func (f *Foreign) TableWith(columns ...string) (string, error) {
	var found []string
	err := f.tx.Raw(`SELECT table_schema || '.' || table_name FROM information_schema.columns
		WHERE column_name IN ? AND table_schema NOT IN ('pg_catalog', 'information_schema')
		GROUP BY table_schema, table_name HAVING count(*) = ? ORDER BY 1`, columns, len(columns)).Scan(&found).Error
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", fmt.Errorf("%w: none has the columns %s", ErrNoTable, strings.Join(columns, ", "))
	case len(found) > 1:
		return "", fmt.Errorf("%w of its own: there are %s; choose one", ErrNoTable, strings.Join(found, ", "))
	}
	return found[0], nil
}

// Count counts the rows of a table.
func (f *Foreign) Count(table string) (count int64, err error) {
	err = f.tx.Raw("SELECT count(*) FROM " + quoted(table)).Scan(&count).Error
	return count, unreadable(err, table)
}

// unreadable says in words why a table can't be read. Names are of the operator's own command.
func unreadable(err error, table string) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	reason, isKnown := map[string]string{
		"42P01": "there is no such table; names are case-sensitive, and a schema goes before a dot",
		"42703": "it lacks the column of the primary key; say where that is with --map id=",
		"42501": "the role has no right to SELECT from it",
	}[refused.Code]
	if !isKnown {
		return err
	}
	return fmt.Errorf("the table %s: %s: %w", table, reason, err)
}

// Each gives every row of a table to visit, in the order of a column, and holds one at a time.
func (f *Foreign) Each(table, order string, visit func(row map[string]any) error) (err error) {
	rows, err := f.tx.Raw("SELECT * FROM " + quoted(table) + " ORDER BY " + quoted(order)).Rows()
	if err != nil {
		return unreadable(err, table)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		row := make(map[string]any, len(columns))
		for i, column := range columns {
			row[column] = values[i]
		}
		if err := visit(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// quoted is a name, with a schema before it or without, as SQL has it.
func quoted(name string) string {
	return pgx.Identifier(strings.Split(name, ".")).Sanitize()
}
