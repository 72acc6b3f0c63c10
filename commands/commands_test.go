package commands_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var listed = regexp.MustCompile(`(?m)^  ([a-z]+) +(\S.*)$`)

func TestRun_EveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	var walk func(path []string)
	walk = func(path []string) {
		help := run(t, nil, append(path, "--help")...)
		require.Zero(t, help.code, "%s", path)
		require.Empty(t, help.stderr, "%s", path)
		text, rest, _ := strings.Cut(help.stdout, "Usage:")
		require.Contains(t, rest, strings.Join(append([]string{"latchkey"}, path...), " "))
		require.Greater(t, len(text), 100, "%s says too little: %s", path, text)
		for line := range strings.SplitSeq(help.stdout, "\n") {
			require.LessOrEqual(t, len(line), 120, "%s", line)
		}
		_, commands, _ := strings.Cut(rest, "Available Commands:")
		commands, _, _ = strings.Cut(commands, "Flags:")
		for _, found := range listed.FindAllStringSubmatch(commands, -1) {
			name, short := found[1], found[2]
			seen[strings.Join(append(path, name), " ")] = true
			require.Greater(t, len(short), 10, "%s", name)
			if name != "help" {
				walk(append(path[:len(path):len(path)], name))
			}
		}
	}
	walk(nil)
	for _, name := range []string{"serve", "migrate", "migrate up", "migrate down", "migrate status", "makemigrations",
		"createsuperuser", "changepassword", "promote", "demote", "passwords", "passwords calibrate", "check", "version"} {
		require.True(t, seen[name], "%s is not listed", name)
	}
}

func TestRun_ExitsWith2ForACommandLineNotUnderstood(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"unknown"}, {"--unknown"}, {"help", "unknown"}, {"help", "keys", "unknown"}, {"serve", "now"}, {"version", "--short"}, {"check", "settings"}, {"check", "--deploy=maybe"},
		{"makemigrations"}, {"makemigrations", "one", "two"}, {"makemigrations", "--check", "one"}, {"promote"}, {"promote", ann, bob},
		{"demote"}, {"changepassword"}, {"passwords"}, {"passwords", "calibrate", "now"},
		{"passwords", "calibrate", "--algorithm=md5"}, {"passwords", "calibrate", "--target=1ms"},
		{"passwords", "calibrate", "--target=1h"}, {"passwords", "calibrate", "--target=soon"},
	} {
		done := run(t, nil, args...)
		require.Equal(t, 2, done.code, "%s: %s", args, done.stderr)
		require.Empty(t, done.stdout, "%s", args)
		require.Regexp(t, `^latchkey( [a-z]+)*: .+; see --help\n$`, done.stderr)
	}
}
