package deploy_test

import (
	"os"
	"os/exec"
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

	patience, err := time.ParseDuration(only(t, `(?m)^TimeoutStopSec=(.*)$`, "deploy", "latchkey.service"))
	require.NoError(t, err)
	require.Greater(t, patience, stopping(t))
}

// The program ends when it can't reach its database at the start. systemd would soon leave it at that.
func TestUnit_IsStartedAgainHoweverLongTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	unit, _, _ := strings.Cut(read(t, "deploy", "latchkey.service"), "\n[Service]\n")
	require.Contains(t, unit, "\nStartLimitIntervalSec=0\n")
	require.Equal(t, "on-failure", only(t, `(?m)^Restart=(.*)$`, "deploy", "latchkey.service"))
	require.Equal(t, "2s", only(t, `(?m)^RestartSec=(.*)$`, "deploy", "latchkey.service"))
}

// Two units that share a dynamic user and its folder name both alike. A unit's user is called like the unit by default.
func TestUnit_TheBackupIsMadeByTheUserOfTheService(t *testing.T) {
	t.Parallel()
	require.Equal(t, "latchkey", only(t, `(?m)^User=(.*)$`, "deploy", "latchkey-backup.service"))
	for _, setting := range []string{"DynamicUser", "StateDirectory", "StateDirectoryMode", "WorkingDirectory", "EnvironmentFile"} {
		pattern := "(?m)^" + setting + "=(.*)$"
		require.Equal(t, only(t, pattern, "deploy", "latchkey.service"), only(t, pattern, "deploy", "latchkey-backup.service"))
	}
}

func TestUnit_IsValid(t *testing.T) {
	t.Parallel()
	analyze := testkit.Program(t, "systemd-analyze")
	folder := t.TempDir()
	var paths []string
	for _, name := range []string{"latchkey.service", "latchkey-backup.service", "latchkey-backup.timer"} {
		unit := strings.Replace(read(t, "deploy", name), "/usr/local/bin/latchkey", os.Args[0], 1)
		paths = append(paths, write(t, folder, name, unit))
	}
	output, err := exec.CommandContext(t.Context(), analyze, append([]string{"verify"}, paths...)...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Empty(t, string(output))

	for _, service := range paths[:2] {
		security := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=15", service)
		output, err = security.CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
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
