package config_test

import (
	"testing"

	"latchkey/config"
)

func TestMetrics_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"METRICS_ADDR", []string{"9090", "a b:80"}, "not an address", nil},
		{"METRICS_ADDR", []string{"127.0.0.1:8080"}, "same as ADDR", nil},
	})
}

func TestMetrics_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelWarning, "METRICS_ADDR", "every network interface", []string{"METRICS_ADDR=0.0.0.0:9090"}},
		{config.LevelWarning, "METRICS_ADDR", "every network interface", []string{"METRICS_ADDR=:9090"}},
		{config.LevelWarning, "METRICS_ADDR", "every network interface", []string{"METRICS_ADDR=[::]:9090"}},
	})
}
