package commands_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/commands"
	"latchkey/testkit"
)

// djangoHash has the form of a hash of Django 3.2, with one iteration.
const djangoHash = "pbkdf2_sha256$1$seasalt$0123456789abcdef0123456789abcdef0123456789A="

// dumpOf returns what dumpdata writes for users with these emails, and keys from 1 on.
func dumpOf(emails ...string) string {
	var objects []string
	for i, email := range emails {
		objects = append(objects, fmt.Sprintf(`{"model": "users.user", "pk": %d, "fields": {"password": %q, "last_login": null,
			"is_superuser": false, "first_name": "Ann", "last_name": "", "email": %q, "is_staff": false, "is_active": true,
			"date_joined": "2019-04-01T08:00:00Z"}}`, i+1, djangoHash, email))
	}
	return "[" + strings.Join(objects, ",") + "]"
}

// runWith executes the program with a text on its standard input.
func runWith(t *testing.T, environ []string, text string, args ...string) outcome {
	t.Helper()
	stdin, err := os.Open(write(t, "stdin", text))
	require.NoError(t, err)
	defer stdin.Close()
	var stdout, stderr bytes.Buffer
	code := commands.Run(args, environ, stdin, &stdout, &stderr)
	testkit.TellsNoSecret(t, environ, stderr.String())
	return outcome{code, stdout.String(), stderr.String()}
}

// Accounts may pass addresses on to each other, in any order of their keys. A rehearsal reports what the import then does.
func TestImport_AddressesThatWerePassedOn(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		require.Zero(t, runWith(t, with(url), dumpOf(ann, bob, "cat@example.com", "dan@example.com", "eve@example.com"),
			"import", "django", "--from", "-").code)
		later := dumpOf(bob, "cat@example.com", "new@example.com", "eve@example.com", "dan@example.com", ann)
		for _, flags := range [][]string{{"--dry-run"}, nil} {
			done := runWith(t, with(url), later, append([]string{"import", "django", "--from", "-"}, flags...)...)
			require.Zero(t, done.code, "%s", done.stderr)
			for _, line := range []string{
				"         1 imported\n         3 updated\n         0 unchanged\n         2 refused\n",
				"id 4: an account that was imported before has this email address, perhaps in another case: id 5",
				"id 5: an account that was imported before has this email address, perhaps in another case: id 4",
			} {
				require.Contains(t, done.stdout, line)
			}
		}
		emails := map[int64]string{}
		for _, user := range users(t, url) {
			emails[*user.LegacyID] = user.Email
		}
		require.Equal(t, map[int64]string{
			1: bob, 2: "cat@example.com", 3: "new@example.com", 4: "dan@example.com", 5: "eve@example.com", 6: ann,
		}, emails)
	})
}

// A spreadsheet must not run a formula that someone signed up with as their address.
func TestImport_RejectsHoldNoFormula(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		path := filepath.Join(t.TempDir(), "refused.csv")
		done := run(t, with(url), "import", "django", "--from", write(t, "dump.json", dumpOf("=1+1", "@SUM", "-1")), "--rejects", path)
		require.Zero(t, done.code, "%s", done.stderr)
		listed, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Regexp(t, `(?s)id 1,'=1\+1,.*id 2,'@SUM,.*id 3,'-1,`, string(listed))
	})
}

func TestImport_CutShortSaysSoAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		dump := dumpOf(ann, bob)
		done := runWith(t, with(url), strings.TrimSuffix(dump, "]"), "import", "django", "--from", "-")
		require.Equal(t, 1, done.code)
		require.Contains(t, done.stderr, "does not end where it should")
		require.Empty(t, users(t, url))
		lines := strings.Repeat(`{"email":"ann@example.com"}`+"\n", 1000)
		done = runWith(t, with(url), lines+strings.Repeat("x", 2<<20), "import", "jsonl")
		require.Equal(t, 1, done.code)
		require.Contains(t, done.stderr, "run the import again for the rest")
		require.Len(t, users(t, url), 1)
	})
}

func TestImport_AtATerminalShowsABar(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		done := runAtTerminal(t, with(url), []string{"import", "django", "--from", write(t, "dump", dumpOf(ann, bob))})
		require.Zero(t, done.code, "%s", done.stderr)
		require.Contains(t, done.stderr, "[########################] 100%  2 accounts, ")
		require.Contains(t, done.stderr, "2 accounts in ")
	})
}

// What the tools of other systems write, the odd along with the ordinary, comes in or is named, and the report adds up.
func TestImport_TakesWhatOtherSystemsWrite(t *testing.T) {
	t.Parallel()
	const customer = `{"model":"shop.customer","pk":%d,"fields":{"email":"u%d@example.com",%s}}`
	customers := func(fields ...string) string {
		var objects []string
		for i, each := range fields {
			objects = append(objects, fmt.Sprintf(customer, i+1, i+1, each))
		}
		return "[" + strings.Join(objects, ",\n") + "]"
	}
	const hash = `"password":"` + djangoHash + `"`
	const credential = `{"type":"password","hashedSaltedValue":"lqpJ3FH+1TOUp+JlrEeJqLGFBxT7qM53KWRwkqJrwyMA+TqMx/rWuyjyOiBbwl2FevUaL6nsi5HXst3CqtnzmA==",` +
		`"salt":"c2l4dGVlbiBieXRlcyEhIQ==","hashIterations":27500,"algorithm":"pbkdf2-sha256"}`
	keycloak := []string{"import", "jsonl", "--format", "keycloak", "--from"}
	for name, c := range map[string]struct {
		args []string
		text string
		says string // counts of imported, refused, read and noted
	}{
		"objects that are not alike": {[]string{"import", "django", "--from"}, customers(
			hash+`,"is_active":true`, hash+`,"last_login":null,"is_active":true`, `"last_login":null,"is_active":true`), "3 0 3 0"},
		"dates and booleans": {[]string{"import", "django", "--from"}, customers(
			hash+`,"last_login":null,"date_joined":"2012-02-01"`, hash+`,"last_login":null,"date_joined":"2012-02-01T08:00:00+0000"`,
			hash+`,"last_login":"never","is_active":"True"`, hash+`,"last_login":null,"is_active":"1","email":""`), "3 1 4 1"},
		"ids that are no UUIDs": {keycloak, `{"id":"user-1","username":"named","email":"named@example.com","enabled":true}` + "\n" +
			`{"id":"f:44d42131-2236-4897-9146-1c782cf44d92:fed","username":"fed","email":"fed@example.com","enabled":true}`, "2 0 2 0"},
		"a realm with old credentials": {keycloak, "{\n\"realm\": \"shop\",\n\"users\": [\n{\"id\":\"user-1\",\"email\":\"older@example.com\"," +
			"\"enabled\":true,\"credentials\":[" + credential + "]}],\n\"federatedUsers\": [{\"id\":\"f:1:2\"}]}", "1 1 2 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachMigrated(t, func(t *testing.T, url string) {
				path := write(t, "source.json", c.text)
				for _, again := range []bool{false, true} {
					done := run(t, with(url), append(c.args, path)...)
					require.Zero(t, done.code, "%s", done.stderr)
					var imported, refused, read, noted int
					_, err := fmt.Sscan(c.says, &imported, &refused, &read, &noted)
					require.NoError(t, err)
					if again {
						require.Contains(t, done.stdout, fmt.Sprintf("%10d imported\n%10d updated\n%10d unchanged", 0, 0, imported))
					} else {
						require.Contains(t, done.stdout, fmt.Sprintf("%10d imported", imported))
					}
					require.Contains(t, done.stdout, fmt.Sprintf("%10d refused", refused))
					require.Contains(t, done.stdout, fmt.Sprintf("%10d read", read))
					if noted > 0 {
						require.Contains(t, done.stdout, fmt.Sprintf("%10d accounts that were not refused differ from the source\n"+
							"           id 3: last_login: it is not a time, and is left out", noted))
					}
				}
				require.Len(t, users(t, url), 3-strings.Count(name, "no UUIDs")-2*strings.Count(name, "a realm"))
			})
		})
	}
}

// A file of another kind is one sentence and a failure, and not a refusal for every line of it.
func TestImport_SaysWhatAFileIs(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		for text, says := range map[string]string{
			"{\n  \"realm\": \"shop\",\n  \"users\": [\n    {\"username\": \"ann\", \"enabled\": true}\n  ]\n}": "--format keycloak",
			"{\"users\": [\n{\"localId\": \"x\"}]}":    "--format firebase --hash-config FILE",
			"email,password\nann@example.com,secret\n": "this is not JSON",
			dumpOf(ann): "latchkey import django --from FILE",
		} {
			done := runWith(t, with(url), text, "import", "jsonl")
			require.Equal(t, 1, done.code, text)
			require.Contains(t, done.stderr, says)
			require.Empty(t, done.stdout)
		}
		require.Empty(t, users(t, url))
	})
}

func TestImport_CheckEmptyFindsHashesOfTheEmptyPassword(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		// What make_password("") of Django 3.2 returns with one iteration.
		const empty = "pbkdf2_sha256$1$seasalt$7uPyO44geqCt/Nv3ztly1adSqh5hHCYtGPDoMYOOBWU="
		dump := strings.Replace(dumpOf(ann, bob), djangoHash, empty, 1)
		done := runWith(t, with(url), dump, "import", "django", "--from", "-", "--dry-run", "--check-empty", "0")
		require.Contains(t, done.stdout, fmt.Sprintf("%10d hashes were not checked for the empty password", 2))
		done = runWith(t, with(url), dump, "import", "django", "--from", "-")
		require.Zero(t, done.code, "%s", done.stderr)
		require.Contains(t, done.stdout, "id 1: password: it is the empty one")
		for _, user := range users(t, url) {
			require.Equal(t, user.Email != ann, user.HasPassword(), user.Email)
		}
	})
}
