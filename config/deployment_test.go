package config_test

import (
	"testing"

	"latchkey/config"
)

func TestDeployment_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"APP_ENV", []string{"prod", "Production"}, "not a valid value", nil},
	})
}

func TestDeployment_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelError, "APP_ENV", "development", []string{development}},
	})
}
