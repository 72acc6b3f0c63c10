package commands_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestImportJSONL_RefusesToBegin(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		for _, c := range []struct {
			args []string
			code int
			says string
		}{
			{[]string{"--format", "cognito"}, 2, "latchkey, keycloak or firebase"},
			{[]string{"--format", "firebase"}, 2, "needs --hash-config"},
			{[]string{"--format", "firebase", "--hash-config", write(t, "config", "{}")}, 1, "the hash config has the form"},
			{[]string{"--from", "nothing"}, 1, "nothing"},
		} {
			done := run(t, with(url), append([]string{"import", "jsonl"}, c.args...)...)
			require.Equal(t, c.code, done.code, "%s", done.stderr)
			require.Contains(t, done.stderr, c.says)
		}
	})
}
