package deploy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/commands"
)

// The commands that the files run are commands of the program.
func TestCommands_Exist(t *testing.T) {
	t.Parallel()
	started := [][]string{strings.Fields(only(t, `(?m)^ExecStart=/usr/local/bin/latchkey (.*)$`, "deploy", "latchkey.service"))}
	var check []string
	require.NoError(t, json.Unmarshal([]byte(only(t, `HEALTHCHECK .*CMD (\[.*\])`, "Dockerfile")), &check))
	require.Equal(t, "/latchkey", check[0])
	started = append(started, check[1:],
		strings.Fields(only(t, `(?m)^ExecStart=/usr/local/bin/latchkey (.*)$`, "deploy", "latchkey-backup.service")),
		names(at(t, compose(t), "services", "latchkey", "healthcheck", "test"))[2:],
		names(at(t, compose(t), "services", "migrate", "command")),
		names(at(t, documents(t)["kubernetes/base/migrate.yaml"], "spec", "template", "spec", "containers", 0, "args")))
	for _, command := range started {
		var shown, refused bytes.Buffer
		code := commands.Run(append(command, "--help"), nil, os.Stdin, &shown, &refused)
		require.Zero(t, code, "%v: %s", command, refused.String())
		name, _, _ := strings.Cut(strings.Join(command, " "), " --")
		require.Contains(t, shown.String(), "latchkey "+name)
	}
}

// only returns what the pattern's group matches in a file of the project.
func only(t *testing.T, pattern string, path ...string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, path...), -1)
	require.Len(t, found, 1, pattern)
	return found[0][1]
}
