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
	// ErrNoTable means that no table of a database, or more than one, has the columns in question.
	ErrNoTable = errors.New("no table of users")
	// ErrNotPostgres means that another system's database is not PostgreSQL.
	ErrNotPostgres = errors.New("only a PostgreSQL database can be read; for others use a dump")
)

// External is another system's PostgreSQL database, read in one read-only transaction: every method sees it as it was at the
// first query.
type External struct {
	db *gorm.DB
	tx *gorm.DB
}

// OpenExternal opens the database at url for reading, until Close or the end of ctx. A password that the URL omits is taken
// from PGPASSWORD or ~/.pgpass. It fails with ErrNotPostgres on a URL of another kind.
func OpenExternal(ctx context.Context, url string) (*External, error) {
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
	return &External{db: db, tx: tx}, nil
}

// Close ends the transaction and closes the connection.
func (e *External) Close() error {
	return errors.Join(e.tx.Rollback().Error, Close(e.db))
}

// TableWith returns the only table that has all these columns, as schema.name. It fails with ErrNoTable if there is no such
// table or more than one.
func (e *External) TableWith(columns ...string) (string, error) {
	var found []string
	err := e.tx.Raw(`SELECT table_schema || '.' || table_name FROM information_schema.columns
		WHERE column_name IN ? AND table_schema NOT IN ('pg_catalog', 'information_schema')
		GROUP BY table_schema, table_name HAVING count(*) = ? ORDER BY 1`, columns, len(columns)).Scan(&found).Error
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", fmt.Errorf("%w: no table has the columns %s", ErrNoTable, strings.Join(columns, ", "))
	case len(found) > 1:
		return "", fmt.Errorf("%w of its own: there are %s; choose one", ErrNoTable, strings.Join(found, ", "))
	}
	return found[0], nil
}

// Count returns the number of rows in a table.
func (e *External) Count(table string) (count int64, err error) {
	err = e.tx.Raw("SELECT count(*) FROM " + quoted(table)).Scan(&count).Error
	return count, unreadable(err, table)
}

// unreadable explains in words why a table can't be read. It may name the table, which the operator's command names.
func unreadable(err error, table string) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	reason, isKnown := map[string]string{
		"42P01": "there is no such table; names are case-sensitive, and a schema goes before a dot",
		"42703": "it lacks the column of the primary key; name that column with --map id=",
		"42501": "the role has no right to SELECT from it",
	}[refused.Code]
	if !isKnown {
		return err
	}
	return fmt.Errorf("the table %s: %s: %w", table, reason, err)
}

// Each calls visit with every row of a table, by column name and ordered by one column, until visit returns an error. It
// holds one row in memory at a time.
func (e *External) Each(table, order string, visit func(row map[string]any) error) (err error) {
	rows, err := e.tx.Raw("SELECT * FROM " + quoted(table) + " ORDER BY " + quoted(order)).Rows()
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

// quoted returns a name, with or without a schema before it, as a quoted SQL identifier.
func quoted(name string) string {
	return pgx.Identifier(strings.Split(name, ".")).Sanitize()
}
