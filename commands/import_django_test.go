package commands_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

func TestImportDjango_FromADump(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		dump := dumpOf(ann, "ANN@example.com", bob, "no address")
		report := func(counts ...int) []string {
			var lines []string
			for i, name := range []string{"imported", "updated", "unchanged", "refused"} {
				lines = append(lines, fmt.Sprintf("%10d %s", counts[i], name))
			}
			return lines
		}
		says := func(done outcome, counts ...int) {
			t.Helper()
			require.Zero(t, done.code, "%s", done.stderr)
			for _, line := range report(counts...) {
				require.Contains(t, done.stdout, line)
			}
			require.Contains(t, done.stdout, "id 4: email: Enter a valid email address.")
		}
		says(runWith(t, with(url), dump, "import", "django", "--from", "-", "--dry-run"), 2, 0, 0, 2)
		require.Empty(t, users(t, url))
		rejects := filepath.Join(t.TempDir(), "refused.csv")
		says(run(t, with(url), "import", "django", "--from", write(t, "dump.json", dump), "--rejects", rejects), 2, 0, 0, 2)
		listed, err := os.ReadFile(rejects)
		require.NoError(t, err)
		require.Equal(t, "source,email,reason,outcome\n"+
			`id 2,ANN@example.com,"an account before it in the source has the same email address, perhaps in another case",refused`+"\n"+
			"id 4,no address,email: Enter a valid email address.,refused\n", string(listed))
		found := users(t, url)
		require.Len(t, found, 2)
		require.Equal(t, []int64{1, 3}, []int64{*found[0].LegacyID, *found[1].LegacyID})
		require.Equal(t, djangoHash, found[0].Password)
		says(runWith(t, with(url), dump, "import", "django", "--from", "-"), 0, 0, 2, 2)
		require.Nil(t, users(t, url)[0].EmailVerifiedAt)
		says(runWith(t, with(url), dump, "import", "django", "--from", "-", "--email-verified"), 0, 2, 0, 2)
		require.NotNil(t, users(t, url)[0].EmailVerifiedAt)
		says(runWith(t, with(url), dump, "import", "django", "--from", "-", "--email-verified"), 0, 0, 2, 2)
	})
}

func TestImportDjango_FromADatabase(t *testing.T) {
	eachMigrated(t, func(t *testing.T, target string) {
		source := djangoDatabase(t)
		address, err := url.Parse(source)
		require.NoError(t, err)
		for name, run := range map[string]func() outcome{
			"by the settings": func() outcome { return run(t, with(target, "DJANGO_DATABASE_URL="+source), "import", "django") },
			"by the arguments": func() outcome {
				password, _ := address.User.Password()
				t.Setenv("PGPASSWORD", password)
				bare := *address
				bare.User = url.User(address.User.Username())
				return run(t, with(target), "import", "django", "--from", bare.String(), "--table", "users_user")
			},
		} {
			done := run()
			require.Zero(t, done.code, "%s: %s", name, done.stderr)
			found := users(t, target)
			require.Len(t, found, 2)
			require.Equal(t, "ann@example.com 1 Ann", fmt.Sprint(found[0].Email, " ", *found[0].LegacyID, " ", found[0].FirstName))
			require.True(t, found[0].IsSuperuser && found[0].IsStaff && found[0].IsActive && found[0].LastLogin != nil)
			require.True(t, !found[1].IsSuperuser && !found[1].IsStaff && !found[1].IsActive && found[1].LastLogin == nil)
		}
		done := run(t, with(target, "DJANGO_DATABASE_URL="+source), "import", "django", "--table", "nothing")
		require.Equal(t, 1, done.code)
		require.Contains(t, done.stderr, "the source: the table nothing: there is no such table")
		done = run(t, with(target, "DJANGO_DATABASE_URL="+source), "import", "django", "--table", "users_user", "--map", "id=key")
		require.Equal(t, 1, done.code)
		require.Contains(t, done.stderr, "the table users_user: it lacks the column of the primary key")
		done = run(t, with(target, "DJANGO_DATABASE_URL="+source), "import", "django", "--map", "is_active=actif")
		require.Equal(t, 1, done.code)
		require.Contains(t, done.stderr, "there is no such column: actif, to read is_active from")
		done = run(t, with(target, "DJANGO_DATABASE_URL="+source), "import", "django", "--map", "email=mail")
		require.Equal(t, 1, done.code)
		require.Contains(t, done.stderr, "no table has the columns id, mail, password, last_login; name it with --table")
	})
}

// djangoDatabase returns the URL of a Django database with Ann, a superuser, and Bob, who is inactive.
func djangoDatabase(t *testing.T) string {
	t.Helper()
	source, err := testkit.Cluster(t).CreateDatabase(t.Context())
	require.NoError(t, err)
	db, err := database.Open(source, database.Options{})
	require.NoError(t, err)
	defer database.Close(db)
	require.NoError(t, db.Exec(`CREATE TABLE users_user (id serial PRIMARY KEY, password varchar(128), last_login timestamptz,
		is_superuser boolean, first_name varchar(150), last_name varchar(150), is_staff boolean, is_active boolean,
		date_joined timestamptz, email varchar(254))`).Error)
	require.NoError(t, db.Exec(`INSERT INTO users_user VALUES
		(1, ?, now(), true, 'Ann', 'Bee', true, true, now(), 'Ann@Example.com'),
		(2, ?, NULL, false, 'Bob', '', false, false, now(), 'bob@example.com')`, djangoHash, djangoHash).Error)
	return source
}

func TestImportDjango_RefusesToBegin(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		for name, c := range map[string]struct {
			args []string
			code int
			says string
		}{
			"no source":             {nil, 2, "missing source: give --from or set DJANGO_DATABASE_URL"},
			"a password in the URL": {[]string{"--from", "postgres://u:" + otherPassword + "@h/d"}, 2, "--from holds a password"},
			"a password as option":  {[]string{"--from", "postgres://u@h/d?password=" + otherPassword}, 2, "--from holds a password"},
			"a broken URL":          {[]string{"--from", "postgres://u:%" + otherPassword + "@h/d"}, 2, "--from holds a password"},
			"a password as flag":    {[]string{"--password=" + otherPassword}, 2, "a password is never"},
			"another database":      {[]string{"--from", "mysql://u@h/d"}, 1, "only a PostgreSQL database can be read"},
			"no such file":          {[]string{"--from", "nothing.json"}, 1, "nothing.json"},
			"an unknown field":      {[]string{"--map", "mail=email"}, 2, "a mapping has the form field=column; the fields are id, username, email"},
			"a rehearsal cut short": {[]string{"--dry-run", "--from", write(t, "dump", dumpOf(ann)[1:]+"x")}, 1, "does not end where it should"},
			"no folder for rejects": {[]string{"--from", write(t, "dump", dumpOf(ann)), "--rejects", "no/where.csv"}, 1, "no/where.csv"},
		} {
			t.Run(name, func(t *testing.T) {
				done := run(t, with(url), append([]string{"import", "django"}, c.args...)...)
				require.Equal(t, c.code, done.code, "%s", done.stderr)
				require.Contains(t, done.stderr, c.says)
				require.Empty(t, users(t, url))
			})
		}
	})
}
