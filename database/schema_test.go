package database_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

// declare is a first migration that makes the table in which a database says who can serve it.
const declare = "CREATE TABLE schema_compatibility (id integer PRIMARY KEY, oldest bigint NOT NULL); " +
	"INSERT INTO schema_compatibility VALUES (1, 1); | DROP TABLE schema_compatibility;"

// contracting is a migration after which only programs that have migration `oldest` can serve the database.
func contracting(oldest, before int) string {
	const set = "UPDATE schema_compatibility SET oldest = %d;"
	return fmt.Sprintf(set+" | "+set, oldest, before)
}

func TestMigrator_Check_AnOlderProgramServesANewerSchemaThatOnlyAdds(t *testing.T) {
	testkit.EachURL(t, func(t *testing.T, url string) {
		old := migrator(t, url, tree(declare, makeA))
		_, err := migrator(t, url, tree(declare, makeA, makeB)).Up(t.Context())
		require.NoError(t, err)
		require.NoError(t, old.Check(t.Context()))
		applied, err := old.Up(t.Context())
		require.NoError(t, err, "a start with AUTO_MIGRATE has nothing to do")
		require.Empty(t, applied)
		_, err = old.Down(t.Context())
		require.ErrorIs(t, err, database.ErrSchemaNewer, "only who knows the last migration can roll it back")
	})
}

func TestMigrator_Check_AContractingMigrationShutsOutProgramsFromBeforeItsDeclaration(t *testing.T) {
	testkit.EachURL(t, func(t *testing.T, url string) {
		first, second := migrator(t, url, tree(declare)), migrator(t, url, tree(declare, makeA))
		third := migrator(t, url, tree(declare, makeA, contracting(2, 1)))
		_, err := third.Up(t.Context())
		require.NoError(t, err)
		require.NoError(t, third.Check(t.Context()))
		require.NoError(t, second.Check(t.Context()), "it has migration 2")
		err = first.Check(t.Context())
		require.ErrorIs(t, err, database.ErrSchemaNewer)
		require.ErrorContains(t, err, "it has migration 2, 3, which this program does not know, and can only be served by programs that "+
			"have migration 2; run the version that has it, or a newer one")
		_, err = first.Up(t.Context())
		require.ErrorIs(t, err, database.ErrSchemaNewer)

		_, err = third.Down(t.Context())
		require.NoError(t, err)
		require.NoError(t, first.Check(t.Context()), "the contraction is rolled back")
		require.ErrorIs(t, third.Check(t.Context()), database.ErrSchemaStale)
	})
}

func TestMigrator_Check_RefusesASchemaThatDoesNotContainItsOwn(t *testing.T) {
	testkit.EachURL(t, func(t *testing.T, url string) {
		newer := tree(declare, makeA, makeB)
		_, err := migrator(t, url, newer).Up(t.Context())
		require.NoError(t, err)
		run := open(t, url)

		gap := tree(declare, makeA, makeB)
		delete(gap, "sqlite/00002_number_2.sql")
		delete(gap, "postgres/00002_number_2.sql")
		require.ErrorIs(t, migrator(t, url, gap).Check(t.Context()), database.ErrSchemaNewer, "migration 2 is another program's")

		require.NoError(t, run("DELETE FROM goose_db_version WHERE version_id = 2", nil))
		old := migrator(t, url, tree(declare, makeA))
		require.ErrorIs(t, old.Check(t.Context()), database.ErrSchemaNewer, "it lacks migration 2 and has migration 3")
		_, err = old.Up(t.Context())
		require.ErrorIs(t, err, database.ErrSchemaNewer)
	})
}

func TestMigrator_Check_ADatabaseThatDeclaresNothingServesNoOlderProgram(t *testing.T) {
	testkit.EachURL(t, func(t *testing.T, url string) {
		_, err := migrator(t, url, tree(declare, makeA)).Up(t.Context())
		require.NoError(t, err)
		run := open(t, url)
		old := migrator(t, url, tree(declare))
		require.NoError(t, old.Check(t.Context()))
		require.NoError(t, run("DELETE FROM schema_compatibility", nil))
		require.ErrorIs(t, old.Check(t.Context()), database.ErrSchemaNewer)
		require.NoError(t, run("DROP TABLE schema_compatibility", nil))
		require.ErrorIs(t, old.Check(t.Context()), database.ErrSchemaNewer)
	})
}

// The same rule on an open database, with the embedded migrations: this is what /readyz asks.
func TestCheckSchema_FollowsTheRuleOfTheMigrator(t *testing.T) {
	testkit.EachURL(t, func(t *testing.T, url string) {
		db := testkit.OpenAt(t, url)
		require.ErrorIs(t, database.CheckSchema(t.Context(), db), database.ErrSchemaStale)
		testkit.Migrate(t, url, database.Migrations())
		require.NoError(t, database.CheckSchema(t.Context(), db))
		expanded, number := testkit.AddMigration(t, database.Migrations(), "expand", "-- +goose Up\nCREATE TABLE more (id integer);\n")
		testkit.Migrate(t, url, expanded)
		require.NoError(t, database.CheckSchema(t.Context(), db))
		contracted, _ := testkit.AddMigration(t, expanded, "contract",
			fmt.Sprintf("-- +goose Up\nUPDATE schema_compatibility SET oldest = %d;\n", number))
		testkit.Migrate(t, url, contracted)
		require.ErrorIs(t, database.CheckSchema(t.Context(), db), database.ErrSchemaNewer)
	})
}
