package config

import (
	"net/url"
	"strings"
)

// IsSQLite tells whether the database is an SQLite file.
func (d Database) IsSQLite() bool { return strings.HasPrefix(d.URL.Reveal(), "sqlite:") }

// IsPostgres tells whether the database is a PostgreSQL server.
func (d Database) IsPostgres() bool { return isPostgresURL(d.URL) }

func isPostgresURL(url Secret) bool {
	return strings.HasPrefix(url.Reveal(), "postgres:") || strings.HasPrefix(url.Reveal(), "postgresql:")
}

// Path is the file of an SQLite database, or "".
func (d Database) Path() string {
	path, found := strings.CutPrefix(d.URL.Reveal(), "sqlite:")
	if !found {
		return ""
	}
	return strings.TrimPrefix(path, "//")
}

// Redacted is the URL without its password and options, for logs.
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

// databaseProblem says what is wrong with the URL, without repeating any of it.
func databaseProblem(d Database) (problem, remedy string) {
	const sqliteRemedy = "Write sqlite:PATH, as sqlite:latchkey.db."
	path := d.Path()
	switch {
	case d.IsPostgres():
		return postgresProblem(d.URL)
	case !d.IsSQLite():
		return "names neither SQLite nor PostgreSQL", "Write sqlite:PATH or postgres://USER:PASSWORD@HOST:5432/NAME."
	case path == "":
		return "names no file", sqliteRemedy
	case strings.Contains(path, ":memory:"):
		return "names a database in memory, of which every connection would see another one", sqliteRemedy
	case strings.HasPrefix(path, "file:"):
		return "reads sqlite:file:PATH", sqliteRemedy
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
			"In the password write : / ? # [ ] @ % and spaces as %3A %2F %3F %23 %5B %5D %40 %25 and %20."
	case parsed.Opaque != "":
		return "lacks the slashes", "Write postgres://USER:PASSWORD@HOST:5432/NAME."
	default:
		return "", ""
	}
}
