package config_test

import (
	"testing"

	"latchkey/config"
)

func TestRateLimit_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"RATE_LIMITS", []string{"yes", "OFF"}, "not on or off", nil},
		{"RATE_LIMIT_LOGIN", []string{"30", "30/", "/1m", "x/1m", "30/x", "0/1m", "-1/1m", "1000001/1m", "30/1ms", "30/25h",
			"1/1m/1"}, "not a quota", nil},
		{"REDIS_URL", []string{"localhost:6379", "http://HUSH@h", "redis://h/x", "redis://:HUSH@h:6379/0?x=1", "unix:///tmp/s"},
			"not the URL of a Redis server", nil},
		{"REDIS_TIMEOUT", []string{"0", "11s"}, "from 1ms to 10s", nil},
	})
}

func TestRateLimit_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelError, "RATE_LIMITS", "off", []string{"RATE_LIMITS=off"}},
		{config.LevelWarning, "REDIS_URL", "counts for itself", []string{"REDIS_URL="}},
		{config.LevelError, "REDIS_URL", "sent unencrypted", []string{"REDIS_URL=redis://redis.example.com", development}},
	})
}
