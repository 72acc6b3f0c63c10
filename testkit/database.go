package testkit

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // pgtestdb connects by the driver's name
	"github.com/peterldowns/pgtestdb"
	"github.com/peterldowns/pgtestdb/migrators/common"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/database/scratch"
)

// EachDB runs a test on SQLite, in a file of its own, and on PostgreSQL, in a database of its own, both migrated by the real
// migrations. PostgreSQL is the server of TEST_DATABASE_URL, whose user has to be a superuser, or else a throwaway server,
// started once per test process; with neither the subtest is skipped, or fails under TEST_REQUIRE_SERVICES=1. The database is
// closed and removed with the test.
func EachDB(t *testing.T, run func(t *testing.T, db *gorm.DB)) {
	t.Helper()
	t.Run(database.SQLite, func(t *testing.T) {
		run(t, SQLite(t))
	})
	t.Run(database.Postgres, func(t *testing.T) {
		run(t, open(t, MigratedURL(t)))
	})
}

// EachURL is [EachDB] with the URL of an empty database, for tests of what opens or migrates a database itself.
func EachURL(t *testing.T, run func(t *testing.T, url string)) {
	t.Helper()
	t.Run(database.SQLite, func(t *testing.T) { run(t, sqliteURL(t)) })
	t.Run(database.Postgres, func(t *testing.T) { run(t, PostgresURL(t)) })
}

// PostgresURL returns the URL of an empty PostgreSQL database, for tests of what only PostgreSQL does.
func PostgresURL(t *testing.T) string {
	t.Helper()
	return postgresURL(t, pgtestdb.NoopMigrator{})
}

// MigratedURL returns the URL of a PostgreSQL database with the tables of the service.
func MigratedURL(t *testing.T) string {
	t.Helper()
	return postgresURL(t, realMigrations{})
}

func sqliteURL(t *testing.T) string {
	t.Helper()
	parent, hasRoom := inMemory()
	if !hasRoom {
		parent = t.TempDir()
	}
	folder, err := os.MkdirTemp(parent, "latchkey-sqlite-") //nolint:usetesting // t.TempDir is on a disk
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	return "sqlite:" + filepath.Join(folder, "test.db")
}

func open(t *testing.T, url string) *gorm.DB {
	t.Helper()
	db, err := database.Open(url, database.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close(db)) })
	return db
}

// SQLite returns a migrated database in a file of its own, for tests to which the kind of database makes no difference.
func SQLite(t *testing.T) *gorm.DB {
	t.Helper()
	content, err := migratedFile()
	require.NoError(t, err)
	url := sqliteURL(t)
	require.NoError(t, os.WriteFile(strings.TrimPrefix(url, "sqlite:"), content, 0o600))
	return open(t, url)
}

// migratedFile returns the content of a database that the real migrations made, of which each test gets a copy.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "latchkey-sqlite-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, "template.db")
	if err = (realMigrations{}).up(context.Background(), "sqlite:"+path); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	content, err := os.ReadFile(path)
	return content, errors.Join(err, os.RemoveAll(folder))
})

// postgresURL returns the URL of a new database, cloned from a template that migrator filled once.
func postgresURL(t *testing.T, migrator pgtestdb.Migrator) string {
	t.Helper()
	server, err := url.Parse(postgresServer(t))
	require.NoError(t, err, "TEST_DATABASE_URL")
	password, _ := server.User.Password()
	config := pgtestdb.Config{
		DriverName:                "pgx",
		Host:                      server.Hostname(),
		Port:                      server.Port(),
		User:                      url.PathEscape(server.User.Username()),
		Password:                  url.PathEscape(password),
		Database:                  server.EscapedPath()[1:],
		Options:                   server.RawQuery,
		ForceTerminateConnections: true,
	}
	return pgtestdb.Custom(t, config, migrator).URL()
}

// postgresServer returns the URL of a server, given or started. Without one it ends the test.
func postgresServer(t *testing.T) string {
	t.Helper()
	if given := os.Getenv("TEST_DATABASE_URL"); given != "" {
		return given
	}
	return Cluster(t).URL("postgres")
}

// Cluster returns this test process's throwaway PostgreSQL server. If none can be started the test is skipped, or fails under
// TEST_REQUIRE_SERVICES=1.
func Cluster(t *testing.T) *scratch.Cluster {
	t.Helper()
	cluster, err := throwaway()
	if errors.Is(err, scratch.ErrNotInstalled) || errors.Is(err, scratch.ErrUnsupported) {
		const remedy = "install PostgreSQL's server or set TEST_DATABASE_URL"
		if os.Getenv("TEST_REQUIRE_SERVICES") == "1" {
			t.Fatalf("PostgreSQL is required: %v: %s", err, remedy)
		}
		t.Skipf("not run on PostgreSQL: %v: %s", err, remedy)
	}
	require.NoError(t, err)
	return cluster
}

// DatabaseOfEncoding returns the URL of a new and empty PostgreSQL database on the throwaway server, in an encoding such as LATIN1.
func DatabaseOfEncoding(t *testing.T, encoding string) string {
	t.Helper()
	cluster, name := Cluster(t), strings.ToLower("encoding_"+encoding+"_"+rand.Text())
	conn, err := pgx.Connect(t.Context(), cluster.URL("postgres"))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	_, err = conn.Exec(t.Context(), "CREATE DATABASE "+name+" ENCODING '"+encoding+"' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	require.NoError(t, err)
	return cluster.URL(name)
}

// throwaway starts the one server of this test process. Nothing closes it: it ends with the process.
var throwaway = sync.OnceValues(func() (*scratch.Cluster, error) {
	return scratch.Start(context.Background())
})

// realMigrations fills pgtestdb's template with the program's own migrations.
type realMigrations struct{}

// Hash returns the name of the template, which changes with the migrations.
func (realMigrations) Hash() (string, error) {
	return common.HashDirs(database.Migrations(), "*.sql", database.Postgres)
}

// Migrate fills the template.
func (m realMigrations) Migrate(ctx context.Context, _ *sql.DB, config pgtestdb.Config) error {
	return m.up(ctx, config.URL())
}

func (realMigrations) up(ctx context.Context, url string) error {
	migrator, err := database.NewMigrator(url, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	_, err = migrator.Up(ctx)
	return errors.Join(err, migrator.Close())
}

// Between calls interfere once, after db's next query and before what is done with its result.
func Between(t *testing.T, db *gorm.DB, interfere func()) {
	t.Helper()
	interfered := false
	require.NoError(t, db.Callback().Query().After("gorm:after_query").Register("interfere", func(*gorm.DB) {
		if !interfered {
			interfered = true // first, because interfere queries too
			interfere()
		}
	}))
	t.Cleanup(func() { require.NoError(t, db.Callback().Query().Remove("interfere")) })
}
