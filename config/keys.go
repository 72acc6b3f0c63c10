package config

import (
	"encoding/pem"
	"fmt"
	"math"
	"strings"
)

const hs256 = "HS256"

func (c *checker) checkSecrets() {
	s := c.settings
	switch {
	case s.SecretKey.IsSet():
		c.checkStrength("SECRET_KEY", s.SecretKey)
	case s.InProduction():
		c.fault("SECRET_KEY", "is required in production", makeSecret)
	case s.Database.IsPostgres():
		c.fault("SECRET_KEY", "is required with PostgreSQL, because every replica needs the same", makeSecret)
	}
	if strings.Contains(s.SecretKey.Reveal(), ",") {
		c.fault("SECRET_KEY", "has a comma, at which SECRET_KEY_FALLBACKS would be split once the key is a former one", makeSecret)
	}
	for _, fallback := range s.SecretKeyFallbacks {
		if len(fallback.Bytes()) < minSecretLength {
			c.fault("SECRET_KEY_FALLBACKS", fmt.Sprintf("has a key below %d bytes", minSecretLength),
				"Write whole former keys, with commas between.")
		}
	}
}

func (c *checker) checkKeys() {
	jwt := &c.settings.JWT
	if jwt.SecretKey.IsSet() {
		c.checkStrength("JWT_SECRET_KEY", jwt.SecretKey)
	}
	switch {
	case jwt.Algorithm == hs256 && jwt.PrivateKey.IsSet():
		c.fault("JWT_PRIVATE_KEY", "is given, but HS256 signs with a shared secret",
			"Set JWT_ALGORITHM to RS256, ES256 or EdDSA, whichever the key is for, or remove the key.")
	case jwt.Algorithm == hs256, !c.oneOf("JWT_ALGORITHM", jwt.Algorithm, hs256, "RS256", "ES256", "EdDSA"):
		return
	case jwt.SecretKey.IsSet():
		c.fault("JWT_SECRET_KEY", "is given, but only HS256 signs with a shared secret",
			"Remove it, or set JWT_ALGORITHM=HS256.")
	}
	if jwt.PrivateKey.IsSet() {
		jwt.PrivateKey = unfoldPEM(jwt.PrivateKey)
		c.checkPEM()
	}
}

func (c *checker) checkPEM() {
	block, _ := pem.Decode(c.settings.JWT.PrivateKey.Bytes())
	switch {
	case block == nil:
		c.fault("JWT_PRIVATE_KEY", "is not a PEM",
			"It begins with -----BEGIN PRIVATE KEY-----; JWT_PRIVATE_KEY_FILE can name its file.")
	case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		c.fault("JWT_PRIVATE_KEY", "is a PEM, but not of a private key", makePrivateKey(c.settings.JWT.Algorithm))
	}
}

// unfoldPEM turns the \n of a PEM written in one line, as most hosts' forms want it, into line breaks.
func unfoldPEM(key Secret) Secret {
	if strings.Contains(key.Reveal(), "\n") {
		return key
	}
	return NewSecret(strings.ReplaceAll(key.Reveal(), `\n`, "\n"))
}

func makePrivateKey(algorithm string) string {
	const tail = " -out jwt.pem, and set JWT_PRIVATE_KEY_FILE=jwt.pem"
	switch algorithm {
	case "RS256":
		return "Make one with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072" + tail
	case "EdDSA":
		return "Make one with: openssl genpkey -algorithm ed25519" + tail
	default:
		return "Make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256" + tail
	}
}

// checkStrength refuses a secret that is too short, and in production also one that can be guessed.
func (c *checker) checkStrength(variable string, secret Secret) {
	length := len(secret.Bytes())
	switch problem := weakness(secret); {
	case length < minSecretLength:
		c.fault(variable, fmt.Sprintf("has %d bytes and needs at least %d", length, minSecretLength), makeSecret)
	case problem != "" && c.settings.InProduction():
		c.fault(variable, problem, makeSecret)
	}
}

// weakness says why a secret can be guessed, or "". It finds what people write, not what a bad generator makes.
func weakness(secret Secret) string {
	const enough = 96 // bits; 32 random hexadecimal digits measure about 115
	value := secret.Reveal()
	lower := strings.ToLower(value)
	for _, word := range []string{
		"changeme", "change-me", "change_me", "insecure", "example", "password", "latchkey", "placeholder",
		"secretkey", "secret-key", "secret_key", "your-secret", "your_secret", "choose-one",
	} {
		if strings.Contains(lower, word) {
			return "reads like an example, not like a random secret"
		}
	}
	if isRepeated(value) || entropy(value) < enough {
		return "has too little randomness: it repeats itself"
	}
	return ""
}

// isRepeated tells whether value is one part, over and over.
func isRepeated(value string) bool {
	return len(value) > 0 && strings.Contains((value + value)[1:2*len(value)-1], value)
}

// entropy estimates the bits in value from how often each of its bytes comes.
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
