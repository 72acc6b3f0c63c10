package config_test

import (
	"strings"
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
		{"CORS_ALLOWED_ORIGINS", []string{"a.example", "capacitor:localhost", "//localhost"}, "does not begin", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"capacitor://localhost/", "app://x?a", "app://x#", "tauri://localhost/a"},
			"after the host", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"capacitor://u:HUSH@localhost", "app://u@x"}, "user name or password", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"ionic://localhost:0", "ionic://localhost:x"}, "no usable port", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"capacitor://", "app://..", "app://a b"}, "no usable host", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"file://", "file://localhost", "data://x", "blob://x", "ws://a.example"},
			"no origin of their own", nil},
		{"CORS_ALLOWED_ORIGINS", []string{"capacitor://*", "chrome-extension://*", "*://localhost"}, "wildcard", nil},
	})
}

func TestParseClientOrigin_TakesThoseOfAppsAndExtensions(t *testing.T) {
	t.Parallel()
	origins := []string{
		"https://localhost", "http://localhost:8100", "capacitor://localhost", "ionic://localhost", "tauri://localhost",
		"http://tauri.localhost", "https://tauri.localhost", "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
		"moz-extension://2d9a0a4e-3c6c-4f1e-8a1b-5a2f3c1d0e9f", "safari-web-extension://2D9A0A4E-3C6C-4F1E-8A1B-5A2F3C1D0E9F",
		"app://.", "app://obsidian.md", "com.example.app://localhost:8080",
	}
	var want []string
	for _, origin := range origins {
		want = append(want, strings.ToLower(origin))
	}
	require.Equal(t, want, load(t, "CORS_ALLOWED_ORIGINS="+strings.Join(origins, ",")).Server.CORSAllowedOrigins)
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
