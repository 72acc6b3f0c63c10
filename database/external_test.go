package database_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

func TestOpenExternal_RequiresPostgreSQL(t *testing.T) {
	for _, url := range []string{"", "sqlite:x.db", "mysql://db/x"} {
		_, err := database.OpenExternal(t.Context(), url)
		require.ErrorIs(t, err, database.ErrNotPostgres, url)
	}
}

// shop returns another system's database with two tables, one in a schema, and a way to change it.
func shop(t *testing.T) (*database.External, func(sql string)) {
	t.Helper()
	url, err := testkit.Cluster(t).CreateDatabase(t.Context())
	require.NoError(t, err)
	run := open(t, url)
	change := func(sql string) { require.NoError(t, run(sql, nil)) }
	change(`CREATE TABLE "Users" (id integer, email text)`)
	change(`INSERT INTO "Users" VALUES (2, 'bob@example.com'), (1, 'ann@example.com')`)
	change("CREATE SCHEMA old; CREATE TABLE old.users (id integer, login text)")
	external, err := database.OpenExternal(context.WithoutCancel(t.Context()), url) // Close runs after the end of that
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, external.Close()) })
	return external, change
}

func TestExternal_TableWith(t *testing.T) {
	external, _ := shop(t)
	table, err := external.TableWith("id", "email")
	require.NoError(t, err)
	require.Equal(t, "public.Users", table)
	table, err = external.TableWith("login")
	require.NoError(t, err)
	require.Equal(t, "old.users", table)
	_, err = external.TableWith("id", "nickname")
	require.ErrorIs(t, err, database.ErrNoTable)
	require.ErrorContains(t, err, "id, nickname")
	_, err = external.TableWith("id")
	require.ErrorIs(t, err, database.ErrNoTable)
	require.ErrorContains(t, err, "old.users, public.Users")
}

func TestExternal_Each_ReadsOneSnapshot(t *testing.T) {
	external, change := shop(t)
	count, err := external.Count("Users")
	require.NoError(t, err)
	change(`DELETE FROM "Users"`)
	var emails []any
	require.NoError(t, external.Each("public.Users", "id", func(row map[string]any) error {
		emails = append(emails, row["email"])
		return nil
	}))
	require.Equal(t, []any{"ann@example.com", "bob@example.com"}, emails)
	require.EqualValues(t, len(emails), count)

	stop := errors.New("stop")
	visits := 0
	require.ErrorIs(t, external.Each("Users", "id", func(map[string]any) error { visits++; return stop }), stop)
	require.Equal(t, 1, visits)
}

func TestExternal_ExplainsWhatItCannotRead(t *testing.T) {
	external, _ := shop(t)
	_, err := external.Count("users")
	require.ErrorContains(t, err, "the table users: there is no such table; names are case-sensitive")

	external, _ = shop(t)
	err = external.Each("Users", "pk", func(map[string]any) error { return nil })
	require.ErrorContains(t, err, "it lacks the column of the primary key; name that column with --map id=")
}
