package config_test

import (
	"testing"

	"latchkey/config"
)

func TestLog_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"LOG_FORMAT", []string{"JSON", "logfmt"}, "not a valid value", nil},
		{"LOG_LEVEL", []string{"verbose", "5"}, "not a log level", nil},
	})
}

func TestLog_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelWarning, "LOG_LEVEL", "debug", []string{"LOG_LEVEL=debug"}},
	})
}
