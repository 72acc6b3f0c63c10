package database

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// sqlitePath returns the absolute path of the file that url names.
func sqlitePath(url string) (string, error) {
	path := strings.TrimPrefix(url, "sqlite:")
	path = strings.TrimPrefix(path, "//")
	switch {
	case path == "":
		return "", errors.New("the database URL names no file: it reads sqlite:path, such as sqlite:latchkey.db")
	case strings.Contains(path, ":memory:") || strings.Contains(path, "mode=memory"):
		return "", errors.New("an SQLite database in memory is not supported: each connection would see a different one")
	case strings.HasPrefix(path, "file:"):
		return "", errors.New("the database URL reads sqlite:path, not sqlite:file:path")
	case strings.ContainsAny(path, "?\x00"):
		return "", errors.New("the path of an SQLite database must not contain a question mark or a NUL: options are not supported")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("the path of the SQLite database: %w", err)
	}
	return abs, nil
}

// openSQLite returns a pool of connections to the file that rawURL names, which it creates with mode 0600 if missing. Every
// transaction takes the write lock at its start, so that none fails half-way because another holds it; a commit is on disk
// before it is acknowledged.
func openSQLite(rawURL string, pragmas ...string) (*sql.DB, error) {
	path, err := sqlitePath(rawURL)
	if err != nil {
		return nil, err
	}
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	pragmas = append([]string{"busy_timeout(15000)", "synchronous(full)"}, pragmas...)
	return driver.Open(sqliteURI(path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": pragmas,
		"modeof":  {path}, // gives the write-ahead log the mode of the database
	}), useWriteAheadLog)
}

func sqliteURI(path string, options url.Values) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/… on Windows
	}
	query := strings.ReplaceAll(options.Encode(), "+", "%20") // SQLite does not read a plus as a space
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query
}

// useWriteAheadLog lets readers and a writer work at the same time. While several processes set up a new file, SQLite
// refuses the change at once, whatever the busy timeout, so it is retried for five seconds.
func useWriteAheadLog(conn *sqlite3.Conn) error {
	const attempts, pause = 500, 10 * time.Millisecond
	var err error
	for range attempts {
		if err = conn.Exec("PRAGMA journal_mode = wal"); !errors.Is(err, sqlite3.BUSY) {
			return err
		}
		time.Sleep(pause)
	}
	return err
}

// createPrivate creates an empty file with mode 0600, unless there is a file at path.
func createPrivate(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the folder of the SQLite database does not exist: %s", filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("creating the SQLite database: %w", err)
	}
	return file.Close()
}
