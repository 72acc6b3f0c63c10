package commands_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

func TestMigrate_UpDownAndStatus(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(database.Migrations(), "sqlite/*.sql")
	require.NoError(t, err)
	count := len(files)
	testkit.EachURL(t, func(t *testing.T, url string) {
		migrate := func(step string) outcome { return run(t, with(url), "migrate", step) }
		lines := func(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

		status := migrate("status")
		require.Equal(t, 1, status.code)
		require.Len(t, lines(status.stdout), count)
		require.Equal(t, count, strings.Count(status.stdout, " pending\n"), "%s", status.stdout)
		require.Contains(t, status.stderr, "migrate up")

		down := migrate("down")
		require.Equal(t, outcome{0, "", "There is no migration to roll back.\n"}, down)

		up := migrate("up")
		require.Zero(t, up.code)
		require.Len(t, lines(up.stdout), count)
		require.Equal(t, "applied 00001 create_users", lines(up.stdout)[0])
		require.NotContains(t, up.stderr, "applied 0")

		require.Equal(t, outcome{0, "", "The schema is up to date.\n"}, migrate("up"))
		status = migrate("status")
		require.Zero(t, status.code)
		require.Empty(t, status.stderr)
		require.Equal(t, count, strings.Count(status.stdout, " applied\n"), "%s", status.stdout)

		down = migrate("down")
		require.Zero(t, down.code)
		last := strings.Fields(lines(status.stdout)[count-1])
		require.Equal(t, "rolled back "+last[0]+" "+last[1]+"\n", down.stdout)
		status = migrate("status")
		require.Equal(t, 1, status.code)
		require.True(t, strings.HasSuffix(status.stdout, " pending\n"), "%s", status.stdout)
		require.Equal(t, "applied "+last[0]+" "+last[1]+"\n", migrate("up").stdout)
	})
}

func TestMigrate_RefusesADatabaseOfANewerProgram(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		db, err := database.Open(url, database.Options{})
		require.NoError(t, err)
		defer database.Close(db)
		require.NoError(t, db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)").Error)
		require.NoError(t, db.Exec("UPDATE schema_compatibility SET oldest = 99999").Error)
		status := run(t, with(url), "migrate", "status")
		require.Equal(t, 1, status.code)
		require.Regexp(t, `99999 +unknown to this program\n$`, status.stdout)
		for _, args := range [][]string{{"migrate", "status"}, {"migrate", "up"}, {"migrate", "down"}, {"promote", ann}, {"check"}} {
			done := run(t, with(url), args...)
			require.Equal(t, 1, done.code, "%s", args)
			require.Contains(t, done.stdout+done.stderr, "the database schema is newer than this program", "%s", args)
		}
	})
}

func TestMigrate_LeavesADatabaseAloneThatIsNewerAndCompatible(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		newer, number := testkit.AddMigration(t, database.Migrations(), "add_table",
			"-- +goose Up\nCREATE TABLE more (id integer);\n-- +goose Down\nDROP TABLE more;\n")
		testkit.Migrate(t, url, newer)
		const sentence = "The schema is newer than this program, which can serve it.\n"
		require.Equal(t, outcome{0, "", sentence}, run(t, with(url), "migrate", "up"))
		status := run(t, with(url), "migrate", "status")
		require.Zero(t, status.code)
		require.Equal(t, sentence, status.stderr)
		require.Regexp(t, fmt.Sprintf(`%05d +unknown to this program\n$`, number), status.stdout)
		down := run(t, with(url), "migrate", "down")
		require.Equal(t, 1, down.code)
		require.Contains(t, down.stderr, "only a program that has the last migration can roll it back")
		require.Zero(t, run(t, with(url), "check").code)
		addUser(t, url, ann)
		require.Zero(t, run(t, with(url), "promote", ann).code)
	})
}

func TestMigrate_ExitsWith2ForACommandLineNotUnderstood(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"migrate"}, {"migrate", "sideways"}, {"migrate", "up", "2"}, {"migrate", "up", "--force"}} {
		done := run(t, nil, args...)
		require.Equal(t, 2, done.code, "%s: %s", args, done.stderr)
		require.Empty(t, done.stdout)
		require.Contains(t, done.stderr, "see --help")
	}
	require.Equal(t, "latchkey migrate: missing subcommand: up, down or status; see --help\n", run(t, nil, "migrate").stderr)
}
