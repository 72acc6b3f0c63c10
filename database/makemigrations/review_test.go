package makemigrations_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/database/makemigrations"
	"latchkey/testkit"
)

func TestReview_OurMigrationsKeepToTheRules(t *testing.T) {
	require.NoError(t, makemigrations.Review(database.Migrations()))
}

// reviewed returns the program's migrations and one more of the given kind, with these statements.
func reviewed(t *testing.T, kind, onPostgres, onSQLite string) fs.FS {
	t.Helper()
	all, _ := testkit.AddMigration(t, database.Migrations(), "reviewed", "")
	for path := range all {
		statements, isSQLite := onPostgres, strings.HasPrefix(path, database.SQLite)
		if isSQLite {
			statements = onSQLite
		}
		if strings.HasSuffix(path, "_reviewed.sql") {
			all[path] = &fstest.MapFile{Data: []byte("-- latchkey: " + kind + "\n" + statements)}
		}
	}
	return all
}

// expanding is reviewed with the same statements for both databases, in an expansion.
func expanding(t *testing.T, statements string) fs.FS {
	t.Helper()
	text := "-- +goose Up\n" + statements + "\n-- +goose Down\nDROP TABLE anything;\n"
	return reviewed(t, "expand", text, text)
}

func TestReview_AcceptsWhatOlderProgramsDoNotNotice(t *testing.T) {
	for _, statements := range []string{
		"",
		"-- DROP TABLE users;",
		"/* DROP TABLE users; */ CREATE TABLE pets (id integer);",
		"CREATE TABLE pets (id integer PRIMARY KEY, name text NOT NULL UNIQUE CHECK (name <> 'DROP TABLE users;'));",
		"CREATE TABLE IF NOT EXISTS pets (id integer); CREATE UNIQUE INDEX pets_id ON pets (id); UPDATE pets SET id = 1; DROP TABLE pets;",
		`CREATE TABLE "pets" (id integer); ALTER TABLE "pets" ALTER COLUMN id SET NOT NULL, DROP COLUMN id;`,
		"INSERT INTO signing_keys (id) VALUES ('one');",
		"CREATE TABLE pets (id uuid); INSERT INTO pets SELECT id FROM users;",
		"ALTER TABLE users ADD COLUMN nickname text;",
		"ALTER TABLE users ADD nickname text NULL;",
		"ALTER TABLE users ADD COLUMN nickname varchar(50) NOT NULL DEFAULT '';",
		"ALTER TABLE users ADD COLUMN seen timestamptz NOT NULL DEFAULT now(), ADD COLUMN age integer NULL;",
		"ALTER TABLE users ADD COLUMN boss uuid NULL, ADD CONSTRAINT fk FOREIGN KEY (boss) REFERENCES users (id) ON DELETE CASCADE;",
		"ALTER TABLE users ADD COLUMN boss uuid NULL REFERENCES users (id) ON DELETE SET NULL;",
		"CREATE TABLE pets (owner uuid REFERENCES users (id) ON UPDATE NO ACTION ON DELETE CASCADE, name text);",
		"CREATE TABLE pets (id uuid, mother uuid REFERENCES pets (id)); CREATE TABLE toys (pet uuid REFERENCES pets);",
		"ALTER TABLE users ALTER COLUMN locale SET DEFAULT 'en';",
		"CREATE INDEX more ON signing_keys (created_at);",
		"CREATE TYPE mood AS ENUM ('good', 'bad');",
		"-- +goose StatementBegin\nCREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$ DELETE FROM users; SELECT 1; $$;\n-- +goose StatementEnd",
	} {
		require.NoError(t, makemigrations.Review(expanding(t, statements)), statements)
	}
}

func TestReview_RefusesWhatBreaksOlderProgramsOrMakesTheirRequestsWait(t *testing.T) {
	const drops = "older programs may use what it drops"
	for statements, reason := range map[string]string{
		"DROP TABLE users;":                                                            drops,
		"drop table if exists users;":                                                  drops,
		"CREATE TABLE pets (id integer); DROP TABLE users;":                            drops,
		"DROP INDEX idx_users_email;":                                                  drops,
		"DROP TYPE river_job_state;":                                                   drops,
		"ALTER TABLE users DROP COLUMN locale;":                                        drops,
		"ALTER TABLE users DROP locale;":                                               drops,
		"ALTER TABLE users ADD COLUMN a text, DROP COLUMN locale;":                     drops,
		"ALTER TABLE sessions DROP CONSTRAINT fk_sessions_user;":                       drops,
		"ALTER TABLE users RENAME TO people;":                                          "older programs use the old name",
		"ALTER TABLE users RENAME COLUMN locale TO language;":                          "older programs use the old name",
		"ALTER INDEX idx_users_email RENAME TO other;":                                 "it is not known to leave older programs alone",
		"ALTER TABLE users ALTER COLUMN last_login SET NOT NULL;":                      "older programs may write NULL",
		"ALTER TABLE ONLY users ALTER last_login SET NOT NULL;":                        "older programs may write NULL",
		"ALTER TABLE users ALTER COLUMN locale DROP NOT NULL;":                         "older programs don't expect to read NULL",
		"ALTER TABLE users ALTER COLUMN locale DROP DEFAULT;":                          "it is not known to leave older programs alone",
		"ALTER TABLE users ALTER COLUMN locale TYPE text;":                             "older programs read and write the former type",
		"ALTER TABLE users ALTER COLUMN locale SET DATA TYPE text;":                    "older programs read and write the former type",
		"ALTER TABLE users ADD COLUMN nickname text NOT NULL;":                         "older programs insert rows without it; give it a default",
		"ALTER TABLE users ADD COLUMN nickname text UNIQUE;":                           "older programs may write what a constraint refuses",
		"ALTER TABLE users ADD COLUMN age integer CHECK (age > 0);":                    "older programs may write what a constraint refuses",
		"ALTER TABLE users ADD CONSTRAINT named UNIQUE (locale);":                      "older programs may write what a constraint refuses",
		"ALTER TABLE users ADD CHECK (locale <> '');":                                  "older programs may write what a constraint refuses",
		"ALTER TABLE users ADD CONSTRAINT fk FOREIGN KEY (legacy_id) REFERENCES a;":    "older programs may write what a constraint refuses",
		"CREATE UNIQUE INDEX more ON signing_keys (created_at);":                       "older programs may write what a unique index refuses",
		"CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS $$SELECT 1$$;":   "it is not known to leave older programs alone",
		"DELETE FROM sessions;":                                                        "older programs may need the rows that it deletes",
		"TRUNCATE sessions;":                                                           "older programs may need the rows that it deletes",
		"UPDATE signing_keys SET state = 'retired';":                                   "older programs may rely on the values that it changes",
		"UPDATE users SET locale = 'en';":                                              "a backfill is done in batches",
		"INSERT INTO audit_events SELECT * FROM users;":                                "a backfill is done in batches",
		"UPDATE schema_compatibility SET oldest = 11;":                                 "an expansion does not write schema_compatibility",
		"CREATE INDEX more ON users (locale);":                                         "writes to users would wait; use CREATE INDEX CONCURRENTLY",
		"CREATE INDEX IF NOT EXISTS more ON ONLY river_job (kind);":                    "writes to river_job would wait",
		"CREATE INDEX CONCURRENTLY more ON users (locale);":                            "CONCURRENTLY needs the line `-- +goose NO TRANSACTION`",
		"-- +goose NO TRANSACTION\nCREATE INDEX CONCURRENTLY more ON users (locale);":  "put DROP INDEX CONCURRENTLY IF EXISTS more before it",
		"-- +goose NO TRANSACTION\nALTER TABLE users ADD COLUMN a text;":               "it needs a migration of its own",
		"ALTER TABLE users ADD COLUMN key uuid NOT NULL DEFAULT gen_random_uuid();":    "it rewrites the table",
		"ALTER TABLE users ADD COLUMN n bigserial;":                                    "it rewrites the table",
		"ALTER TABLE users ADD COLUMN a text; ALTER TABLE sessions ADD COLUMN a text;": "it locks users and sessions in one transaction",
		"CREATE TABLE new_users (id uuid); INSERT INTO new_users SELECT id FROM users; DROP TABLE users; ALTER TABLE new_users RENAME TO users;": drops,
	} {
		err := makemigrations.Review(expanding(t, statements))
		require.ErrorIs(t, err, makemigrations.ErrReview, statements)
		require.ErrorContains(t, err, reason, statements)
		require.ErrorContains(t, err, "_reviewed.sql: ", statements)
	}
}

// An older program deletes a user without the rows of tables that it does not know.
func TestReview_RefusesForeignKeysThatKeepOlderProgramsFromDeleting(t *testing.T) {
	for _, statements := range []string{
		"CREATE TABLE pets (owner uuid REFERENCES users (id));",
		"CREATE TABLE pets (owner uuid REFERENCES users ON DELETE RESTRICT, keeper uuid REFERENCES users ON DELETE CASCADE);",
		"CREATE TABLE pets (owner uuid, FOREIGN KEY (owner) REFERENCES users (id) ON UPDATE CASCADE);",
		"CREATE TABLE pets (owner uuid); ALTER TABLE pets ADD FOREIGN KEY (owner) REFERENCES users (id);",
		"ALTER TABLE users ADD COLUMN boss uuid NULL, ADD CONSTRAINT fk FOREIGN KEY (boss) REFERENCES users (id);",
		"ALTER TABLE users ADD COLUMN boss uuid NULL REFERENCES users (id);",
	} {
		err := makemigrations.Review(expanding(t, statements))
		require.ErrorIs(t, err, makemigrations.ErrReview, statements)
		require.ErrorContains(t, err, "older programs could not delete from users what is referred to; add ON DELETE CASCADE", statements)
	}
}

func TestReview_AnIndexOnALargeTableIsBuiltConcurrentlyInAMigrationOfItsOwn(t *testing.T) {
	document, err := os.ReadFile(filepath.Join(testkit.Sources, "docs", "upgrading.md"))
	require.NoError(t, err)
	_, example, found := strings.Cut(string(document), "```sql\n-- latchkey: expand\n")
	require.True(t, found)
	onPostgres, _, _ := strings.Cut(example, "```")
	require.Contains(t, onPostgres, "CREATE INDEX CONCURRENTLY")
	const onSQLite = "-- +goose Up\nCREATE INDEX more ON users (locale);\n-- +goose Down\nDROP INDEX more;\n"
	require.NoError(t, makemigrations.Review(reviewed(t, "expand", onPostgres, onSQLite)))
}

// SQLite alters a table by replacing it. What changes is judged by the migration for PostgreSQL.
func TestReview_LeavesARebuildOnSQLiteToItsTwin(t *testing.T) {
	const onPostgres = "-- +goose Up\nALTER TABLE users ADD COLUMN boss uuid NULL REFERENCES users (id) ON DELETE SET NULL;\n"
	const rebuild = "-- +goose Up\nCREATE TABLE `new_users` (id uuid, boss uuid REFERENCES users (id));\nINSERT INTO `new_users` (`id`) SELECT `id` FROM `users`;\n" +
		"DROP TABLE `users`;\nALTER TABLE `new_users` RENAME TO `users`;\nCREATE UNIQUE INDEX `idx_users_email` ON `users` (`email`);\n"
	require.NoError(t, makemigrations.Review(reviewed(t, "expand", onPostgres, rebuild)))
	err := makemigrations.Review(reviewed(t, "expand", onPostgres, rebuild+"DROP TABLE sessions;\n"))
	require.ErrorContains(t, err, "DROP TABLE SESSIONS: older programs may use what it drops")
	err = makemigrations.Review(reviewed(t, "expand", onPostgres, strings.Replace(rebuild, "TO `users`", "TO `people`", 1)))
	require.ErrorContains(t, err, "DROP TABLE USERS")
}

func TestReview_AContractionNamesTheOldestProgramsOnBothWays(t *testing.T) {
	const up, down = "-- +goose Up\nALTER TABLE users DROP COLUMN locale;\n", "-- +goose Down\nALTER TABLE users ADD COLUMN locale text;\n"
	const set, setBack = "UPDATE schema_compatibility SET oldest = 11;\n", "UPDATE schema_compatibility SET oldest = 10;\n"
	review := func(kind, text string) error { return makemigrations.Review(reviewed(t, kind, text, text)) }
	require.NoError(t, review("contract since v1.2", up+set+down+setBack))
	require.NoError(t, review("contract since v1.2.3", up+set+down+setBack))
	for _, incomplete := range []string{up + down, up + set + down, up + down + setBack, up + set + set + down + setBack} {
		require.ErrorContains(t, review("contract since v1.2", incomplete), "a contraction has one line `UPDATE schema_compatibility")
	}
	require.ErrorContains(t, review("contract since v1.2", up+strings.Replace(set, "11", "1000", 1)+down+setBack), "oldest can't be more than")
	slow := strings.Replace(up, "DROP COLUMN locale", "ADD COLUMN n bigserial", 1)
	require.ErrorContains(t, review("contract since v1.2", slow+set+down+setBack), "it rewrites the table")
}

func TestReview_EveryMigrationDeclaresItsKind(t *testing.T) {
	const text = "-- +goose Up\nCREATE TABLE pets (id integer);\n"
	for _, kind := range []string{"", "expands", "contract", "contract since vX.Y", "contract since 1.2", "expand since v1.2"} {
		require.ErrorContains(t, makemigrations.Review(reviewed(t, kind, text, text)), "its first line must be `-- latchkey: expand`", kind)
	}
	all := reviewed(t, "expand", text, text).(fstest.MapFS)
	for path := range all {
		if strings.HasPrefix(path, database.SQLite) && strings.HasSuffix(path, "_reviewed.sql") {
			all[path] = &fstest.MapFile{Data: []byte("-- latchkey: contract since v1.2\n" + text)}
		}
	}
	require.ErrorContains(t, makemigrations.Review(all), "its first line is not that of sqlite/")
}
