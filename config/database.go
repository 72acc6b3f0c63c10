package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Database configures the database and its connections. MaxIdleConns of 0 means MaxOpenConns; ConnMaxLifetime of 0 means
// that connections are never replaced. BackupDir may be empty.
type Database struct {
	URL             Secret        `env:"DATABASE_URL" envDefault:"sqlite:latchkey.db"`
	MaxOpenConns    int           `env:"DB_MAX_OPEN_CONNS" envDefault:"10"`
	MaxIdleConns    int           `env:"DB_MAX_IDLE_CONNS" envDefault:"0"`
	ConnMaxLifetime time.Duration `env:"DB_CONN_MAX_LIFETIME" envDefault:"30m"`
	AutoMigrate     bool          `env:"AUTO_MIGRATE" derived:"true"`
	BackupDir       string        `env:"BACKUP_DIR"`
}

func databaseSection() section {
	return section{
		title: "Database",
		variables: []description{
			{"DATABASE_URL", "sqlite:PATH or postgres://USER:PASSWORD@HOST:5432/NAME"},
			{"DB_MAX_OPEN_CONNS", "maximum number of open connections"},
			{"DB_MAX_IDLE_CONNS", "maximum number of idle connections; 0: all are kept"},
			{"DB_CONN_MAX_LIFETIME", "how long a connection is used before it is replaced; 0: no limit"},
			{"AUTO_MIGRATE", "apply migrations at startup; by default false on PostgreSQL and in production"},
			{"BACKUP_DIR", "folder where latchkey backup writes; latchkey check warns if nothing new comes into it for 26 hours"},
		},
		complete: completeDatabase,
		check:    checkDatabase,
		deploy:   deployDatabase,
	}
}

func completeDatabase(s *Settings, values map[string]string) {
	if _, given := values["AUTO_MIGRATE"]; !given {
		s.Database.AutoMigrate = s.Database.IsSQLite() && !s.InProduction()
	}
}

func checkDatabase(c *checker) {
	database := c.settings.Database
	if problem, remedy := databaseProblem(database); problem != "" {
		c.fail("DATABASE_URL", problem, remedy)
	}
	c.refuseUnencrypted(unencryptedDatabase, "DATABASE_URL", unencryptedProblem(database), databaseTLS)
	c.between("DB_MAX_OPEN_CONNS", database.MaxOpenConns, 1, 10000)
	c.between("DB_MAX_IDLE_CONNS", database.MaxIdleConns, 0, 10000)
	c.within("DB_CONN_MAX_LIFETIME", database.ConnMaxLifetime, 0, 24*time.Hour)
}

func deployDatabase(c *checker) {
	if c.settings.Database.IsSQLite() {
		c.warn("DATABASE_URL", "is an SQLite file, which serves one process on one machine",
			"Use PostgreSQL for more than one replica.")
		if c.settings.Database.BackupDir == "" {
			c.warn("BACKUP_DIR", "is not set, so nobody notices if the database is not backed up",
				"Set it to a folder on another disk, and run latchkey backup --keep 7 every day.")
		}
		return
	}
	c.warnUnencrypted(unencryptedDatabase, "DATABASE_URL", unencryptedProblem(c.settings.Database), databaseTLS)
	if parsed, err := url.Parse(c.settings.Database.URL.Reveal()); err == nil && !isOnThisMachine(parsed) {
		if parsed.Query().Get("sslmode") == "require" && parsed.Query().Get("sslrootcert") == "" {
			c.warn("DATABASE_URL", "has sslmode=require, which encrypts and does not check whose certificate it is", databaseTLS)
		}
	}
}

const databaseTLS = "Write sslmode=verify-full, and sslrootcert if the certificate is your own."

// unencryptedProblem returns why a database on another host may be reached without TLS, or "".
func unencryptedProblem(d Database) string {
	parsed, err := url.Parse(d.URL.Reveal())
	if err != nil || !d.IsPostgres() || isOnThisMachine(parsed) {
		return ""
	}
	switch parsed.Query().Get("sslmode") {
	case "disable":
		return "has sslmode=disable, so everything is sent to the database unencrypted"
	case "", "allow", "prefer":
		return "does not insist on TLS, so anyone on the network path can turn it off"
	default:
		return ""
	}
}

// IsSQLite reports whether the database is an SQLite file.
func (d Database) IsSQLite() bool { return strings.HasPrefix(d.URL.Reveal(), "sqlite:") }

// IsPostgres reports whether the database is a PostgreSQL server.
func (d Database) IsPostgres() bool { return isPostgresURL(d.URL) }

func isPostgresURL(url Secret) bool {
	return strings.HasPrefix(url.Reveal(), "postgres:") || strings.HasPrefix(url.Reveal(), "postgresql:")
}

// Path returns the path of an SQLite database, or "" for another one.
func (d Database) Path() string {
	path, found := strings.CutPrefix(d.URL.Reveal(), "sqlite:")
	if !found {
		return ""
	}
	return strings.TrimPrefix(path, "//")
}

// Redacted returns the URL without its password and options, for logs.
func (d Database) Redacted() string {
	if d.IsSQLite() {
		path, _, _ := strings.Cut(d.Path(), "?")
		return "sqlite:" + path
	}
	parsed, err := url.Parse(d.URL.Reveal())
	if err != nil || !d.IsPostgres() {
		return d.URL.String()
	}
	parsed.RawQuery, parsed.Fragment = "", ""
	return parsed.Redacted()
}

// databaseProblem returns what is wrong with the URL, without repeating any of it, or "".
func databaseProblem(d Database) (problem, remedy string) {
	const sqliteRemedy = "Write sqlite:PATH, such as sqlite:latchkey.db."
	path := d.Path()
	switch {
	case d.IsPostgres():
		return postgresProblem(d.URL)
	case !d.IsSQLite():
		return "names neither SQLite nor PostgreSQL", "Write sqlite:PATH or postgres://USER:PASSWORD@HOST:5432/NAME."
	case path == "":
		return "names no file", sqliteRemedy
	case strings.Contains(path, ":memory:"):
		return "names an in-memory database, of which every connection would have its own", sqliteRemedy
	case strings.HasPrefix(path, "file:"):
		return "has the form sqlite:file:PATH, which is not supported", sqliteRemedy
	case strings.ContainsAny(path, "?\x00"):
		return "has options or a NUL in the path, which are not supported", sqliteRemedy
	default:
		return "", ""
	}
}

func postgresProblem(raw Secret) (problem, remedy string) {
	parsed, err := url.Parse(raw.Reveal())
	switch {
	case err != nil:
		return "can't be read as a URL",
			"In the password, write : / ? # [ ] @ % and spaces as %3A %2F %3F %23 %5B %5D %40 %25 and %20."
	case parsed.Opaque != "":
		return "lacks the slashes after postgres:", "Write postgres://USER:PASSWORD@HOST:5432/NAME."
	case hasSeveralHosts(parsed) && !slices.Contains([]string{"read-write", "primary"}, parsed.Query().Get("target_session_attrs")):
		return "names several hosts, of which the first that responds may be a standby, which can't write",
			"Add target_session_attrs=read-write to it."
	default:
		return "", ""
	}
}

func hasSeveralHosts(url *url.URL) bool {
	return strings.Contains(url.Host, ",") || strings.Contains(url.Query().Get("host"), ",")
}

// ForPrograms returns the URL of a PostgreSQL database for PostgreSQL's own programs: without passwords, which would be seen in
// the list of processes, and without the options that only this program knows.
func (d Database) ForPrograms() string {
	parsed, err := url.Parse(d.URL.Reveal())
	if err != nil || !d.IsPostgres() {
		return ""
	}
	if parsed.User != nil {
		parsed.User = url.User(parsed.User.Username())
	}
	options := parsed.Query()
	for _, option := range []string{"password", "sslpassword", "default_query_exec_mode", "statement_cache_capacity",
		"description_cache_capacity", "min_protocol_version", "max_protocol_version"} {
		options.Del(option)
	}
	parsed.RawQuery, parsed.Fragment = options.Encode(), ""
	return parsed.String()
}
