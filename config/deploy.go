package config

import (
	"net/url"
	"strings"
	"time"
)

// Finding is something about usable settings that an operator should know before users come.
type Finding struct {
	Variable string
	Problem  string
	Remedy   string
	// Advice is true for what could be safer, false for what is not safe.
	Advice bool
}

// DeployFindings looks at settings as those of a service that is open to the internet.
func DeployFindings(s Settings) []Finding {
	var findings []Finding
	unsafe := func(is bool, variable, problem, remedy string) {
		if is {
			findings = append(findings, Finding{Variable: variable, Problem: problem, Remedy: remedy})
		}
	}
	advise := func(is bool, variable, problem, remedy string) {
		if is {
			findings = append(findings, Finding{Variable: variable, Problem: problem, Remedy: remedy, Advice: true})
		}
	}
	unsafe(!s.Production(), "APP_ENV", "it is not production", "Set APP_ENV=production")
	unsafe(!s.SecretKey.IsSet(), "SECRET_KEY", "it is not set", makeSecret)
	unsafe(s.SecretKey.IsSet() && guessable(s.SecretKey.value), "SECRET_KEY", "it looks typed, not random", makeSecret)
	unsafe(!strings.HasPrefix(s.Server.PublicURL, "https://"), "PUBLIC_URL", "it is not https",
		"Terminate TLS in front of the service and set the https URL")
	unsafe(len(s.Server.TrustedProxies) == 0, "TRUSTED_PROXIES", "no proxy that terminates TLS is named",
		"Name its address, so that the log and the limits see the clients' addresses")
	unsafe(s.Database.IsSQLite(), "DATABASE_URL", "SQLite serves one process on one disk", "Use PostgreSQL")
	unsafe(clearText(s.Database), "DATABASE_URL", "the connection to PostgreSQL is not encrypted", "Use sslmode=verify-full")
	unsafe(s.Superuser.Password.IsSet(), "SUPERUSER_PASSWORD", "it is still in the settings", "Remove it")
	unsafe(s.Log.Level == "debug", "LOG_LEVEL", "debug logs too much", "Set LOG_LEVEL=info")
	advise(s.JWT.Algorithm == "HS256", "JWT_ALGORITHM", "with HS256 whoever verifies tokens can make them",
		"Use ES256 or EdDSA if other services verify tokens")
	advise(s.JWT.ExpirationDelta > 15*time.Minute, "JWT_EXPIRATION_DELTA", "access tokens live longer than 15 minutes",
		"A stolen one works for as long")
	advise(s.Password.MinLength < 15, "PASSWORD_MIN_LENGTH", "it is below 15",
		"NIST SP 800-63B-4 asks for 15 characters where a password is the only factor")
	return findings
}

// guessable says whether a secret has so few different characters, or such a word in it, that it was not made at random.
func guessable(secret string) bool {
	different := map[rune]bool{}
	for _, r := range secret {
		different[r] = true
	}
	lower := strings.ToLower(secret)
	for _, word := range []string{"secret", "change", "password", "latchkey", "example", "insecure", "default", " "} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return len(different) < 12
}

func clearText(d Database) bool {
	if d.IsSQLite() {
		return false
	}
	parsed, err := url.Parse(d.URL.value)
	if err != nil {
		return false
	}
	switch parsed.Hostname() {
	case "", "localhost", "127.0.0.1", "::1":
		return false
	}
	switch parsed.Query().Get("sslmode") {
	case "require", "verify-ca", "verify-full":
		return false
	}
	return true
}
