package config

import (
	"encoding/pem"
	"math"
	"regexp"
	"strings"
	"time"
)

const hs256 = "HS256"

// JWT configures how access tokens are signed and verified. Jitter is the largest fraction by which ExpirationDelta is
// shortened. Verify and VerifyExpiration are always true.
type JWT struct {
	Algorithm        string        `env:"JWT_ALGORITHM" derived:"ES256"`
	KeyRotation      time.Duration `env:"JWT_KEY_ROTATION" envDefault:"2160h"`
	PrivateKey       Secret        `env:"JWT_PRIVATE_KEY"`
	SecretKey        Secret        `env:"JWT_SECRET_KEY"`
	Issuer           string        `env:"JWT_ISSUER"`
	Audience         string        `env:"JWT_AUDIENCE"`
	ExpirationDelta  time.Duration `env:"JWT_EXPIRATION_DELTA" envDefault:"5m"`
	Jitter           float64       `env:"JWT_EXPIRATION_JITTER" envDefault:"0.05"`
	Leeway           time.Duration `env:"JWT_LEEWAY" envDefault:"5s"`
	AuthHeaderPrefix string        `env:"JWT_AUTH_HEADER_PREFIX" envDefault:"Bearer"`
	Verify           bool          `env:"JWT_VERIFY" envDefault:"true"`
	VerifyExpiration bool          `env:"JWT_VERIFY_EXPIRATION" envDefault:"true"`
}

// ManagesKeys reports whether the service makes, stores and rotates the keys that sign tokens, because neither a private
// key nor a shared secret is set.
func (j JWT) ManagesKeys() bool { return !j.PrivateKey.IsSet() && !j.SecretKey.IsSet() }

func tokensSection() section {
	return section{
		title: "Access tokens",
		variables: []description{
			{"JWT_ALGORITHM", "ES256, EdDSA, RS256 or HS256; the keys are made, stored and rotated for you"},
			{"JWT_KEY_ROTATION", "how often such a key is replaced; 0: only by latchkey keys rotate"},
			{"JWT_PRIVATE_KEY", "a private key of your own as PEM, for RS256, ES256 and EdDSA, instead of managed keys"},
			{"JWT_SECRET_KEY", "a shared secret of your own for HS256, at least 32 bytes, instead of managed keys"},
			{"JWT_ISSUER", "claim iss; by default PUBLIC_URL"},
			{"JWT_AUDIENCE", "claim aud; by default PUBLIC_URL"},
			{"JWT_EXPIRATION_DELTA", "how long an access token is valid, such as 5m or 300 (seconds); at most 24h"},
			{"JWT_EXPIRATION_JITTER", "largest fraction by which it is shortened at random, so that phones don't all refresh at once"},
			{"JWT_LEEWAY", "how far clocks may differ; at most 2m"},
			{"JWT_AUTH_HEADER_PREFIX", "scheme of the Authorization header"},
			{"JWT_VERIFY", "signatures are always verified; false prevents the start"},
			{"JWT_VERIFY_EXPIRATION", "expired tokens are always refused; false prevents the start"},
		},
		prefixes: []string{"JWT_"},
		complete: completeTokens,
		check:    checkTokens,
		deploy:   deployTokens,
	}
}

func completeTokens(s *Settings, _ map[string]string) {
	jwt := &s.JWT
	if jwt.Algorithm == "" {
		jwt.Algorithm = "ES256"
		if jwt.SecretKey.IsSet() {
			jwt.Algorithm = hs256
		}
	}
	if jwt.Issuer == "" {
		jwt.Issuer = s.Server.PublicURL
	}
	if jwt.Audience == "" {
		jwt.Audience = s.Server.PublicURL
	}
	jwt.PrivateKey = unfoldPEM(jwt.PrivateKey)
}

// unfoldPEM turns the \n of a PEM in one line, as the forms of many hosting providers require it, into line breaks.
func unfoldPEM(key Secret) Secret {
	if strings.Contains(key.Reveal(), "\n") {
		return key
	}
	return NewSecret(strings.ReplaceAll(key.Reveal(), `\n`, "\n"))
}

var authSchemePattern = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") // a token of RFC 9110, section 5.6.2

func checkTokens(c *checker) {
	jwt := c.settings.JWT
	checkTokenKeys(c)
	c.within("JWT_EXPIRATION_DELTA", jwt.ExpirationDelta, time.Second, 24*time.Hour)
	if jwt.Jitter < 0 || jwt.Jitter > 0.5 || math.IsNaN(jwt.Jitter) {
		c.fail("JWT_EXPIRATION_JITTER", "is not between 0 and 0.5", "Write a fraction, such as 0.05 for 5 %.")
	}
	if jwt.KeyRotation != 0 {
		c.within("JWT_KEY_ROTATION", jwt.KeyRotation, 24*time.Hour, 10*year)
	}
	c.within("JWT_LEEWAY", jwt.Leeway, 0, 2*time.Minute)
	if !authSchemePattern.MatchString(jwt.AuthHeaderPrefix) {
		c.fail("JWT_AUTH_HEADER_PREFIX", "is "+shown(jwt.AuthHeaderPrefix)+", which is not a valid authentication scheme",
			"Write one word, such as Bearer.")
	}
	if !jwt.Verify {
		c.fail("JWT_VERIFY", "is false, but tokens with unverified signatures are worthless: anyone can forge them",
			"Remove it.")
	}
	if !jwt.VerifyExpiration {
		c.fail("JWT_VERIFY_EXPIRATION", "is false, but a stolen token would then never stop working",
			"Remove it. For tokens that are valid longer, set JWT_EXPIRATION_DELTA.")
	}
}

// checkTokenKeys checks that the key fits the algorithm.
func checkTokenKeys(c *checker) {
	jwt := c.settings.JWT
	if jwt.SecretKey.IsSet() {
		c.checkStrength("JWT_SECRET_KEY", jwt.SecretKey)
	}
	switch {
	case jwt.Algorithm == hs256 && jwt.PrivateKey.IsSet():
		c.fail("JWT_PRIVATE_KEY", "is set, but HS256 signs with a shared secret",
			"Set JWT_ALGORITHM to the one the key is for (RS256, ES256 or EdDSA), or remove the key.")
	case jwt.Algorithm == hs256, !c.oneOf("JWT_ALGORITHM", jwt.Algorithm, hs256, "RS256", "ES256", "EdDSA"):
		return
	case jwt.SecretKey.IsSet():
		c.fail("JWT_SECRET_KEY", "is set, but only HS256 signs with a shared secret",
			"Remove it, or set JWT_ALGORITHM=HS256.")
	}
	if jwt.PrivateKey.IsSet() {
		checkPEM(c)
	}
}

func checkPEM(c *checker) {
	block, _ := pem.Decode(c.settings.JWT.PrivateKey.Bytes())
	switch {
	case block == nil:
		c.fail("JWT_PRIVATE_KEY", "is not a PEM",
			"A PEM begins with -----BEGIN PRIVATE KEY-----; JWT_PRIVATE_KEY_FILE can name a file that holds it.")
	case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		c.fail("JWT_PRIVATE_KEY", "is a PEM, but not of a private key", makePrivateKey(c.settings.JWT.Algorithm))
	}
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

func deployTokens(c *checker) {
	const long = 15 * time.Minute
	jwt := c.settings.JWT
	if jwt.Algorithm == hs256 {
		c.warn("JWT_ALGORITHM", "is HS256: every service that verifies a token could also sign one",
			"Set JWT_ALGORITHM=ES256, unless no other service verifies tokens.")
	}
	c.deployStrength("JWT_SECRET_KEY", jwt.SecretKey)
	if jwt.SecretKey.IsSet() && jwt.SecretKey.Reveal() == c.settings.SecretKey.Reveal() {
		c.warn("JWT_SECRET_KEY", "is the same as SECRET_KEY, so every service that verifies tokens knows the key of everything",
			"Remove it to have keys made for you, or write another secret.")
	}
	if jwt.ExpirationDelta > long {
		c.warn("JWT_EXPIRATION_DELTA", "is "+jwt.ExpirationDelta.String()+", which is how long a stolen token works",
			"Set it to 15m or less.")
	}
}
