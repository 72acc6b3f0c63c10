package testkit

import (
	"fmt"
	"io/fs"
	"log/slog"
	"testing"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"latchkey/database"
)

// AddMigration returns migrations and one more, with the next number and the same text for both dialects, and that number. The
// text is a goose file without its first line, which says expand or contract.
func AddMigration(t testing.TB, migrations fs.FS, name, text string) (more fstest.MapFS, number int64) {
	t.Helper()
	more = fstest.MapFS{}
	require.NoError(t, fs.WalkDir(migrations, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(migrations, path)
		if err != nil {
			return err
		}
		more[path] = &fstest.MapFile{Data: content}
		version, err := goose.NumericComponent(path)
		number = max(number, version+1)
		return err
	}))
	for _, dialect := range []string{database.SQLite, database.Postgres} {
		more[fmt.Sprintf("%s/%05d_%s.sql", dialect, number, name)] = &fstest.MapFile{Data: []byte(text)}
	}
	return more, number
}

// Migrate applies migrations to the database at url.
func Migrate(t testing.TB, url string, migrations fs.FS) {
	t.Helper()
	migrator, err := database.NewMigratorFrom(url, migrations, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, migrator.Close()) }()
	_, err = migrator.Up(t.Context())
	require.NoError(t, err)
}
