package config

import (
	"fmt"
	"math"
	"strings"
)

const (
	minSecretLength = 32 // bytes
	makeSecret      = "Make one with: openssl rand -base64 48"
)

// checkStrength refuses a secret that is too short and, in production, one that can be guessed.
func (c *checker) checkStrength(variable string, secret Secret) {
	length := len(secret.Bytes())
	switch problem := weakness(secret); {
	case length < minSecretLength:
		c.fail(variable, fmt.Sprintf("has %d bytes and needs at least %d", length, minSecretLength), makeSecret)
	case problem != "" && c.settings.InProduction():
		c.fail(variable, problem, makeSecret)
	}
}

// deployStrength refuses a secret that can be guessed, if it is set.
func (c *checker) deployStrength(variable string, secret Secret) {
	if problem := weakness(secret); secret.IsSet() && problem != "" {
		c.fail(variable, problem, makeSecret)
	}
}

// weakness returns why a secret can be guessed, or "". It detects what people type, not the output of a bad generator.
func weakness(secret Secret) string {
	const enough = 96 // bits; 32 random hexadecimal digits measure about 115
	value := secret.Reveal()
	lower := strings.ToLower(value)
	for _, word := range []string{
		"changeme", "change-me", "change_me", "insecure", "example", "password", "latchkey", "placeholder",
		"secretkey", "secret-key", "secret_key", "your-secret", "your_secret", "choose-one",
	} {
		if strings.Contains(lower, word) {
			return "looks like an example rather than a random secret"
		}
	}
	if isRepeated(value) || entropy(value) < enough {
		return "has too little randomness: it repeats itself"
	}
	return ""
}

// isRepeated reports whether value consists of one part repeated.
func isRepeated(value string) bool {
	return len(value) > 0 && strings.Contains((value + value)[1:2*len(value)-1], value)
}

// entropy estimates the bits of entropy in value from the frequencies of its bytes.
func entropy(value string) float64 {
	var counts [256]int
	for _, b := range []byte(value) {
		counts[b]++
	}
	bits, total := 0.0, float64(len(value))
	for _, count := range counts {
		if count > 0 {
			bits -= float64(count) * math.Log2(float64(count)/total)
		}
	}
	return bits
}
