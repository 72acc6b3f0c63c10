package commands_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/server"
)

func TestVersion_IsOneLine(t *testing.T) {
	t.Parallel()
	done := run(t, nil, "version")
	require.Zero(t, done.code)
	require.Empty(t, done.stderr)
	require.Contains(t, done.stdout, "latchkey "+server.ReadBuild().Version)
	require.Contains(t, done.stdout, runtime.Version()+", "+runtime.GOOS+"/"+runtime.GOARCH)
	require.Equal(t, 1, strings.Count(done.stdout, "\n"))
}
