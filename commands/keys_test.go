package commands_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/models/keys"
	"latchkey/testkit"
	"latchkey/tokens"
)

// keyList returns the rows of the table that "keys list" prints, without its header.
func keyList(t *testing.T, environ []string) [][]string {
	t.Helper()
	listed := run(t, environ, "keys", "list")
	require.Zero(t, listed.code, "%s", listed.stderr)
	lines := strings.Split(strings.TrimSpace(listed.stdout), "\n")
	require.Equal(t, []string{"ID", "ALGORITHM", "STATE", "CREATED", "ACTIVATED", "RETIRED"}, strings.Fields(lines[0]))
	var rows [][]string
	for _, line := range lines[1:] {
		rows = append(rows, strings.Fields(line))
	}
	return rows
}

// createKeys creates the signing keys, as the first start of the server does.
func createKeys(t *testing.T, url string) {
	t.Helper()
	db, err := database.Open(url, database.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, database.Close(db)) }()
	sealing := [][]byte{tokens.DeriveKey([]byte(secretKey), "signing-keys")}
	rules := keys.Rules{Algorithm: tokens.ES256}
	require.NoError(t, keys.NewManager(testkit.NewStore(db, testkit.NewClock().Now), sealing, rules).Ensure(t.Context()))
}

func TestKeys_ListRotateAndRetire(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		none := run(t, with(url), "keys", "list")
		require.Zero(t, none.code)
		require.Empty(t, none.stdout)
		require.Contains(t, none.stderr, "There are no signing keys yet")
		require.Contains(t, run(t, with(url), "keys", "rotate").stderr, "there are no signing keys yet")

		createKeys(t, url)
		before := keyList(t, with(url))
		require.Equal(t, []string{"ES256", "active"}, before[0][1:3])
		require.Equal(t, []string{"ES256", "next"}, before[1][1:3])

		rotated := run(t, with(url), "keys", "rotate", "--force")
		require.Zero(t, rotated.code, "%s", rotated.stderr)
		require.Contains(t, rotated.stderr, "Tokens are signed with ES256 key "+before[1][0])
		early := run(t, with(url), "keys", "rotate")
		require.Equal(t, 1, early.code)
		require.Contains(t, early.stderr, "has not been published for long enough: it may sign from 20")
		require.Contains(t, early.stderr, "--force")

		retired := run(t, with(url), "keys", "retire", "--", before[0][0], before[1][0])
		require.Zero(t, retired.code, "%s", retired.stderr)
		after := keyList(t, with(url))
		require.Len(t, after, 2)
		for _, row := range after {
			require.NotEqual(t, before[0][0], row[0])
			require.NotEqual(t, before[1][0], row[0])
		}
		unknown := run(t, with(url), "keys", "retire", "nobody")
		require.Equal(t, 1, unknown.code)
		require.Contains(t, unknown.stderr, `there is no such signing key: "nobody"`)
	})
}

func TestKeys_FromTheSettingsAreNotManaged(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		environ := with(url, "JWT_ALGORITHM=HS256", "JWT_SECRET_KEY=nW3pQ9sKr1TzC5yYk8WdPc4GhJ2aEfV6oIiRtMxZsLw=")
		for _, args := range [][]string{{"list"}, {"rotate"}, {"retire", "x"}} {
			refused := run(t, environ, append([]string{"keys"}, args...)...)
			require.Equal(t, 1, refused.code)
			require.Contains(t, refused.stderr, "it comes from JWT_SECRET_KEY")
		}
		for _, args := range [][]string{{"keys"}, {"keys", "retire"}, {"keys", "rotate", "now"}} {
			require.Equal(t, 2, run(t, with(url), args...).code)
		}
	})
}

func TestKeys_UnderAnotherSecretKeySayWhatToDo(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		createKeys(t, url)
		another := []string{"DATABASE_URL=" + url, "SECRET_KEY=nW3pQ9sKr1TzC5yYk8WdPc4GhJ2aEfV6oIiRtMxZsLw="}
		refused := run(t, another, "keys", "rotate", "--force")
		require.Equal(t, 1, refused.code)
		require.Contains(t, refused.stderr, "SECRET_KEY_FALLBACKS")
		require.Len(t, keyList(t, another), 2)
	})
}
