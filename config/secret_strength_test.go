package config_test

import (
	"strings"
	"testing"
)

func TestCheckStrength(t *testing.T) {
	t.Parallel()
	requireRefused(t, []refusal{
		{"SECRET_KEY", []string{strings.Repeat("x", 64), strings.Repeat("Zk3+u", 20), "abababababababababcdcdcdcdcdcdcdcd"},
			"too little randomness", production()},
		{"SECRET_KEY", []string{"django-insecure-" + strongKey, "Please-Change-Me-" + strongKey},
			"looks like an example", production()},
		{"JWT_SECRET_KEY", []string{strings.Repeat("x", 32)}, "randomness", production()},
	})
}

func TestCheckStrength_DevelopmentAllowsWeakSecrets(t *testing.T) {
	t.Parallel()
	load(t, "SECRET_KEY="+strings.Repeat("x", 32), "PUBLIC_URL=http://10.0.0.5:8080", "TRUSTED_PROXIES=0.0.0.0/0")
}
