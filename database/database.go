// Package database owns the connection to SQLite or PostgreSQL and the schema in it: it opens a database by its URL,
// applies the embedded migrations and checks whether the schema is current. It knows no tables and no models.
package database

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// The dialects, as [Dialect] returns them and as the folders under migrations are named.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// ErrUnknownScheme is returned for a database URL that names neither SQLite nor PostgreSQL.
var ErrUnknownScheme = errors.New("the database URL must begin with sqlite: or postgres://")

const (
	defaultMaxOpenConns = 10
	connectTimeout      = 2 * time.Second // of each host, so that a request has time for the second and the third
	maxIdentifier       = 63              // PostgreSQL's limit, kept on SQLite too so that both name their indexes alike
)

// Options configures a connection pool. Zero values mean 10 open connections, as many idle ones as open ones, no limit to
// the lifetime of a connection or, on PostgreSQL, of a statement, and slog's default logger.
type Options struct {
	MaxOpenConns     int
	MaxIdleConns     int
	ConnMaxLifetime  time.Duration
	StatementTimeout time.Duration
	Logger           *slog.Logger
}

// Open connects to the database at url, `sqlite:path` or `postgres://…`, and checks that it responds. It creates a missing
// SQLite file, readable by its owner only. Times are written and read in UTC with microseconds. Errors are translated to
// GORM's where GORM has one, such as [gorm.ErrDuplicatedKey], and none contains the URL's password.
func Open(url string, opts Options) (*gorm.DB, error) {
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	dialector, pool, err := openPool(url, opts)
	if err != nil {
		return nil, err
	}
	limit(pool, opts)
	db, err := gorm.Open(dialector, gormConfig(opts.Logger))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database: %w", err), pool.Close())
	}
	return db, translateRowErrors(db)
}

func gormConfig(log *slog.Logger) *gorm.Config {
	return &gorm.Config{
		TranslateError: true,
		QueryFields:    true, // a result does not change its shape when a migration adds a column
		Logger:         queryLogger{log},
		NamingStrategy: schema.NamingStrategy{IdentifierMaxLength: maxIdentifier},
	}
}

// translateRowErrors makes GORM translate the errors of Scan, Row and Rows too, which TranslateError leaves out.
func translateRowErrors(db *gorm.DB) error {
	return db.Callback().Row().After("gorm:row").Register("database:translate", func(db *gorm.DB) {
		if err := db.Error; err != nil {
			db.Error = nil
			_ = db.AddError(err)
		}
	})
}

func openPool(url string, opts Options) (gorm.Dialector, *sql.DB, error) {
	dialect, err := dialectOf(url)
	if err != nil {
		return nil, nil, err
	}
	if dialect == SQLite {
		pool, err := openSQLite(url, "foreign_keys(on)")
		return newSQLiteDialector(pool, url, newOutageLog(opts.Logger)), pool, err
	}
	pool, err := openPostgres(url, boundStatements(opts.StatementTimeout))
	dialector := &postgres.Dialector{Config: &postgres.Config{Conn: postgresPool{pool, opts.Logger}}}
	return postgresDialector{dialector, url, newOutageLog(opts.Logger)}, pool, err
}

// dialectOf returns the dialect that a URL's scheme names. Its error quotes the scheme and nothing else of the URL.
func dialectOf(url string) (string, error) {
	scheme, _, found := strings.Cut(url, ":")
	switch {
	case !found:
		return "", ErrUnknownScheme
	case scheme == "sqlite":
		return SQLite, nil
	case scheme == "postgres", scheme == "postgresql":
		return Postgres, nil
	default:
		return "", fmt.Errorf("%w, not %.20q", ErrUnknownScheme, scheme)
	}
}

func limit(pool *sql.DB, opts Options) {
	if opts.MaxOpenConns == 0 {
		opts.MaxOpenConns = defaultMaxOpenConns
	}
	if opts.MaxIdleConns == 0 {
		opts.MaxIdleConns = opts.MaxOpenConns
	}
	pool.SetMaxOpenConns(opts.MaxOpenConns)
	pool.SetMaxIdleConns(opts.MaxIdleConns)
	pool.SetConnMaxLifetime(opts.ConnMaxLifetime)
}

// Close closes every connection of db. It waits for running statements.
func Close(db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return fmt.Errorf("closing the database: %w", err)
	}
	return pool.Close()
}

// Dialect returns the dialect of db: [SQLite] or [Postgres].
func Dialect(db *gorm.DB) string {
	return db.Name()
}
