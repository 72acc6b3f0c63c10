package config

import (
	"fmt"
	"strings"
)

// Secrets hold the key that the service derives its other keys from, and former ones that are still accepted. They are
// embedded in [Settings].
type Secrets struct {
	SecretKey          Secret   `env:"SECRET_KEY"`
	SecretKeyFallbacks []Secret `env:"SECRET_KEY_FALLBACKS"`
}

func secretsSection() section {
	return section{
		title: "Secrets",
		variables: []description{
			{"SECRET_KEY", "at least 32 bytes that other keys are derived from; made for you on SQLite in development"},
			{"SECRET_KEY_FALLBACKS", "former secret keys that are still accepted, separated by commas"},
		},
		prefixes: []string{"SECRET_KEY"},
		check:    checkSecrets,
		deploy:   deploySecrets,
	}
}

func checkSecrets(c *checker) {
	s := c.settings
	switch {
	case s.SecretKey.IsSet():
		c.checkStrength("SECRET_KEY", s.SecretKey)
	case s.InProduction():
		c.fail("SECRET_KEY", "is required in production", makeSecret)
	case s.Database.IsPostgres():
		c.fail("SECRET_KEY", "is required with PostgreSQL, because every replica needs the same key", makeSecret)
	}
	if strings.Contains(s.SecretKey.Reveal(), ",") {
		c.fail("SECRET_KEY", "contains a comma, which would split it in SECRET_KEY_FALLBACKS once another key replaces it",
			makeSecret)
	}
	for _, fallback := range s.SecretKeyFallbacks {
		if len(fallback.Bytes()) < minSecretLength {
			c.fail("SECRET_KEY_FALLBACKS", fmt.Sprintf("contains a key of less than %d bytes", minSecretLength),
				"Write complete former keys, separated by commas.")
		}
	}
}

func deploySecrets(c *checker) {
	if !c.settings.SecretKey.IsSet() {
		c.fail("SECRET_KEY", "is not set", makeSecret)
	}
	c.deployStrength("SECRET_KEY", c.settings.SecretKey)
}
