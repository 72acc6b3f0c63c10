package commands_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An export without --with-hashes holds no hash. One with it creates the same accounts elsewhere, on either database.
func TestExport_IsTheInverseOfImport(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, from string) {
		require.Zero(t, runWith(t, with(from), dumpOf(ann, bob), "import", "django", "--from", "-").code)
		addSuperuser(t, from, "cat@example.com")
		require.Zero(t, run(t, with(from), "deactivate", bob).code)
		plain := run(t, with(from), "export")
		require.Zero(t, plain.code)
		require.NotContains(t, plain.stdout, "pbkdf2")
		require.NotContains(t, plain.stdout, "password")
		exported := runWith(t, with(from), "", "export", "--with-hashes")
		require.Zero(t, exported.code)
		for line := range strings.SplitSeq(strings.TrimSpace(exported.stdout), "\n") {
			require.True(t, json.Valid([]byte(line)), line)
		}
		eachMigrated(t, func(t *testing.T, to string) {
			for range 2 {
				require.Zero(t, runWith(t, with(to), exported.stdout, "import", "jsonl").code)
				require.Equal(t, users(t, from), users(t, to))
			}
		})
	})
}
