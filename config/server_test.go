package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/config"
)

func TestServer_check(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"ADDR", []string{"8080", "localhost", "1.2.3.4:http", ":70000", "a b:80", "::1:80", "[::1]", "u:HUSH@h:80"},
			"not an address", nil},
		{"PUBLIC_URL", []string{"", " "}, "required in production", production("PUBLIC_URL=")},
		{"PUBLIC_URL", []string{"http://auth.example.com", "http://localhost:8080"}, "https:// in production", production()},
		{"TRUSTED_PROXIES", []string{"proxy.example", "10.0.0.0/33", "10.0.0.0/", "fe80::1%eth0", "*", "::ffff:0:0/90"},
			"neither an IP address nor a network", nil},
		{"TRUSTED_PROXIES", []string{"0.0.0.0/0", "10.0.0.1,::/0", "1.2.3.4/0", "::ffff:0.0.0.0/96"},
			"choose its own address", production()},
		{"TRUSTED_PROXIES_HEADER", []string{"X-Real-IP", "X-Forwarded-For,Forwarded"}, "not a valid value", nil},
		{"KEEP_ALIVE_TIMEOUT", []string{"0", "2h"}, "from 1s to 1h", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"*", "https://*.example.com"}, "wildcard", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"null"}, "sandboxed", nil},
		{"REQUEST_TIMEOUT", []string{"0", "900ms", "11m"}, "from 1s to 10m", nil},
		{"SHUTDOWN_DELAY", []string{"-1s", "11m"}, "from 0s to 10m", nil},
		{"SHUTDOWN_TIMEOUT", []string{"0", "11m"}, "from 1s to 10m", nil},
	})
}

func TestServer_deploy(t *testing.T) {
	t.Parallel()
	requireDeployFinding(t, []deployFinding{
		{config.LevelError, "PUBLIC_URL", "sent unencrypted", []string{development, "PUBLIC_URL=http://auth.example.com"}},
		{config.LevelError, "TRUSTED_PROXIES", "every address", []string{development, "TRUSTED_PROXIES=0.0.0.0/0"}},
		{config.LevelWarning, "TRUSTED_PROXIES", "no proxy", []string{"TRUSTED_PROXIES="}},
		{config.LevelWarning, "CORS_ALLOWED_ORIGINS", "http://a.example", []string{"CORS_ALLOWED_ORIGINS=http://a.example"}},
	})
}

// The commonest balancers keep a connection for 60 seconds, some of them for 600: whoever closes first cuts off requests.
func TestServer_KeepsConnectionsForLongerThanTheProxyInFront(t *testing.T) {
	t.Parallel()
	require.Greater(t, load(t).Server.KeepAliveTimeout, 10*time.Minute)
	require.Equal(t, "Forwarded", load(t, "TRUSTED_PROXIES_HEADER=forwarded").Server.TrustedProxiesHeader)
}
