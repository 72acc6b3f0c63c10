package config_test

import (
	"testing"

	"latchkey/config"
)

func TestSuperuser_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelWarning, "SUPERUSER_PASSWORD", "still set", []string{"SUPERUSER_PASSWORD=plum tree by the gate"}},
	})
}
