package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseOrigin_Refused(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"PUBLIC_URL", []string{"https://x.example/auth", "https://x.example//", "https://x.example?a", "https://x.example#"},
			"something after the host", nil},
		{"PUBLIC_URL", []string{"x.example", "ftp://x.example", "//x.example", "javascript:alert(1)"}, "does not begin", nil},
		{"PUBLIC_URL", []string{"https://", "https://:80", "https://bücher.example", "https://a..b", "https://*.example"},
			"no usable host", nil},
		{"PUBLIC_URL", []string{"https://u:HUSH@x.example"}, "user name or password", nil},
		{"PUBLIC_URL", []string{"https://x.example:0", "https://x.example:99999", "https://x.example:"},
			"no usable port", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"https://a.example/", "https://a.example/app"}, "after the host", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"a.example", "capacitor://localhost", "file://"}, "does not begin", nil},
	})
}

func TestParseOrigin_Normalizes(t *testing.T) {
	t.Parallel()
	public := load(t, "PUBLIC_URL=HTTPS://Auth.Example.com:443/")
	require.Equal(t, "https://auth.example.com", public.Server.PublicURL)
	require.Equal(t, "https://auth.example.com", public.JWT.Audience)
}

func TestLocalURL(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		" :9000 ": "http://localhost:9000", "127.0.0.1:80": "http://localhost", "127.0.0.1:0": "http://localhost",
	} {
		require.Equal(t, want, load(t, "ADDR="+addr).Server.PublicURL, addr)
	}
}
