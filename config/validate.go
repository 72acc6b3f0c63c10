package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	minSecretBytes = 32
	makeSecret     = "Make one with: openssl rand -base64 48"
)

// validate holds the settings against every rule.
func (s *Settings) validate(faults *Faults) {
	faults.require(s.Env == Development || s.Env == Production, Fault{"APP_ENV", "it is neither development nor production", ""})
	s.validateSecretKey(faults)
	s.validateServer(faults)
	s.validateDatabase(faults)
	s.validateJWT(faults)
	s.validatePassword(faults)
	faults.require(slices.Contains([]string{"text", "json"}, s.Log.Format), Fault{"LOG_FORMAT", "it is neither text nor json", ""})
	faults.require(slices.Contains([]string{"debug", "info", "warn", "error"}, s.Log.Level),
		Fault{"LOG_LEVEL", "it is none of debug, info, warn and error", ""})
}

func (s *Settings) validateSecretKey(faults *Faults) {
	switch {
	case s.SecretKey.IsSet():
		faults.require(len(s.SecretKey.value) >= minSecretBytes, Fault{"SECRET_KEY", "it has fewer than 32 bytes", makeSecret})
	case s.Production():
		faults.add("SECRET_KEY", "it is required in production", makeSecret)
	case !s.Database.IsSQLite():
		faults.add("SECRET_KEY", "it is required with PostgreSQL, because every replica needs the same", makeSecret)
	}
	for _, fallback := range s.SecretKeyFallbacks {
		faults.require(len(fallback.value) >= minSecretBytes, Fault{"SECRET_KEY_FALLBACKS", "one of them has fewer than 32 bytes", ""})
	}
}

func (s *Settings) validateServer(faults *Faults) {
	_, _, err := splitAddr(s.Server.Addr)
	faults.require(err == nil, Fault{"ADDR", "it is not host:port", "Write it like 127.0.0.1:8080 or :8080"})
	s.validatePublicURL(faults)
	for _, proxy := range s.Server.TrustedProxies {
		s.validateProxy(proxy, faults)
	}
	for _, origin := range s.Server.CORSAllowedOrigins {
		faults.require(validOrigin(origin), Fault{"CORS_ALLOWED_ORIGINS", "one of them is not an origin",
			"Write each like https://app.example.com, without a path; * and null are not accepted"})
	}
	faults.require(s.Server.ShutdownTimeout > 0, Fault{"SHUTDOWN_TIMEOUT", "it is not above zero", ""})
}

func (s *Settings) validatePublicURL(faults *Faults) {
	const remedy = "Write it like https://auth.example.com"
	switch {
	case s.Server.PublicURL == "":
		faults.add("PUBLIC_URL", "it is required in production", remedy)
	case !validOrigin(s.Server.PublicURL):
		faults.add("PUBLIC_URL", "it is not http(s)://host[:port] without a path", remedy)
	case s.Production() && !strings.HasPrefix(s.Server.PublicURL, "https://"):
		faults.add("PUBLIC_URL", "it is not https, so passwords and tokens would travel in clear", remedy)
	}
}

func (s *Settings) validateProxy(proxy string, faults *Faults) {
	prefix, err := netip.ParsePrefix(proxy)
	if address, addressErr := netip.ParseAddr(proxy); err != nil && addressErr == nil {
		prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	switch {
	case err != nil:
		faults.add("TRUSTED_PROXIES", "one of them is neither an address nor a CIDR", "Write each like 10.0.0.7 or 10.0.0.0/8")
	case prefix.Bits() == 0 && s.Production():
		faults.add("TRUSTED_PROXIES", "it trusts the whole internet, so anyone could name any client address",
			"Name the addresses of your own proxies")
	}
}

func (s *Settings) validateDatabase(faults *Faults) {
	const remedy = "Write it like sqlite:latchkey.db or postgres://user:password@host:5432/name"
	switch value := s.Database.URL.value; {
	case s.Database.IsSQLite():
		faults.require(s.Database.Path() != "", Fault{"DATABASE_URL", "it names no file", remedy})
	case strings.HasPrefix(value, "postgres://"), strings.HasPrefix(value, "postgresql://"):
		_, err := url.Parse(value)
		faults.require(err == nil, Fault{"DATABASE_URL", "it is not a valid URL",
			"Percent-encode special characters in the password"})
	default:
		faults.add("DATABASE_URL", "it begins neither with sqlite: nor with postgres://", remedy)
	}
	faults.require(s.Database.MaxOpenConns > 0, Fault{"DB_MAX_OPEN_CONNS", "it is not above zero", ""})
	faults.require(s.Database.MaxIdleConns >= 0, Fault{"DB_MAX_IDLE_CONNS", "it is below zero", ""})
	faults.require(s.Database.ConnMaxLifetime >= 0, Fault{"DB_CONN_MAX_LIFETIME", "it is below zero", ""})
}

var schemePattern = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") // token, RFC 9110, section 5.6.2

func (s *Settings) validateJWT(faults *Faults) {
	const day = 24 * time.Hour
	j := s.JWT
	s.validateSigning(faults)
	faults.require(j.ExpirationDelta >= time.Second && j.ExpirationDelta <= day,
		Fault{"JWT_EXPIRATION_DELTA", "it is not between one second and 24 hours", ""})
	faults.require(j.Leeway >= 0 && j.Leeway <= 2*time.Minute, Fault{"JWT_LEEWAY", "it is not between zero and two minutes", ""})
	faults.require(schemePattern.MatchString(j.AuthHeaderPrefix),
		Fault{"JWT_AUTH_HEADER_PREFIX", "it is not one word", "Write it like Bearer or JWT"})
	const never = "Remove the setting: a token that is not verified lets anyone in as anyone"
	faults.require(j.Verify, Fault{"JWT_VERIFY", "verification can't be turned off", never})
	faults.require(j.VerifyExpiration, Fault{"JWT_VERIFY_EXPIRATION", "expiry can't be turned off",
		"Remove the setting, and raise JWT_EXPIRATION_DELTA if tokens expire too soon"})
}

func (s *Settings) validateSigning(faults *Faults) {
	switch j := s.JWT; j.Algorithm {
	case "HS256":
		faults.require(!j.PrivateKey.IsSet(), Fault{"JWT_PRIVATE_KEY", "HS256 has no private key",
			"Set JWT_ALGORITHM to RS256, ES256 or EdDSA, or remove the key"})
		faults.require(!j.SecretKey.IsSet() || len(j.SecretKey.value) >= minSecretBytes,
			Fault{"JWT_SECRET_KEY", "it has fewer than 32 bytes, which can be guessed from one token", makeSecret})
	case "RS256", "ES256", "EdDSA":
		faults.require(j.PrivateKey.IsSet(), Fault{"JWT_PRIVATE_KEY", j.Algorithm + " needs a private key as PEM",
			"Make one with: openssl genpkey -algorithm " + map[string]string{
				"RS256": "RSA -pkeyopt rsa_keygen_bits:3072", "ES256": "EC -pkeyopt ec_paramgen_curve:P-256", "EdDSA": "ed25519",
			}[j.Algorithm]})
		faults.require(!j.SecretKey.IsSet(), Fault{"JWT_SECRET_KEY", j.Algorithm + " does not use a shared secret", "Remove it"})
	default:
		faults.add("JWT_ALGORITHM", "it is none of HS256, RS256, ES256 and EdDSA", "")
	}
}

func (s *Settings) validatePassword(faults *Faults) {
	p := s.Password
	faults.require(p.MinLength >= 8 && p.MinLength <= 64, Fault{"PASSWORD_MIN_LENGTH", "it is not between 8 and 64", ""})
	faults.require(p.HashConcurrency >= 0, Fault{"PASSWORD_HASH_CONCURRENCY", "it is below zero", ""})
	faults.require(p.HashWait > 0, Fault{"PASSWORD_HASH_WAIT", "it is not above zero", ""})
}

func splitAddr(addr string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	return host, port, err
}

// validOrigin says whether text is scheme://host[:port] and nothing more (RFC 6454, section 6.2), in lower case.
func validOrigin(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.Hostname() != "" &&
		text == parsed.Scheme+"://"+parsed.Host && text == strings.ToLower(text) && !strings.ContainsAny(parsed.Host, "*")
}
