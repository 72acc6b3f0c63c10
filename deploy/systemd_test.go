package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

var unitSetting = regexp.MustCompile(`(?m)^Environment=(\w+)=(.*)$`)

func TestUnit_GivesTheProgramSettingsThatItKnows(t *testing.T) {
	t.Parallel()
	unit, given := read(t, "deploy", "latchkey.service"), environment{}
	for _, found := range unitSetting.FindAllStringSubmatch(unit, -1) {
		given[found[1]] = found[2]
	}
	require.Equal(t, environment{"APP_ENV": "production", "SECRET_KEY_FILE": "%d/secret_key"}, given)
	given.requireValid(t)

	_, after, _ := strings.Cut(unit, "\nTimeoutStopSec=")
	text, _, _ := strings.Cut(after, "\n")
	patience, err := time.ParseDuration(text)
	require.NoError(t, err)
	require.Greater(t, patience, stopping(t))
}

func TestUnit_IsValid(t *testing.T) {
	t.Parallel()
	analyze := testkit.Program(t, "systemd-analyze")
	unit := strings.Replace(read(t, "deploy", "latchkey.service"), "/usr/local/bin/latchkey", os.Args[0], 1)
	path := filepath.Join(t.TempDir(), "latchkey.service")
	require.NoError(t, os.WriteFile(path, []byte(unit), 0o600))
	output, err := exec.CommandContext(t.Context(), analyze, "verify", path).CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Empty(t, string(output))

	output, err = exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=15", path).CombinedOutput()
	require.NoError(t, err, "%s", output)
}

var imageSetting = regexp.MustCompile(`(?m)^ENV (.*)$`)

func TestDockerfile_GivesTheProgramSettingsThatItKnows(t *testing.T) {
	t.Parallel()
	given := environment{}
	for setting := range strings.FieldsSeq(imageSetting.FindStringSubmatch(read(t, "Dockerfile"))[1]) {
		name, value, _ := strings.Cut(setting, "=")
		given[name] = value
	}
	require.Len(t, given, 2)
	given.requireValid(t)
}
