package config

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// checker collects what is wrong with settings.
type checker struct {
	settings *Settings
	faults   Faults
	known    Faults // found before; their variables hold no value to check
}

// check finds what is wrong with the values of s, and with their going together. Variables of known are left out.
func (s *Settings) check(known Faults) Faults {
	c := &checker{settings: s, known: known}
	c.checkServer()
	c.checkSecrets()
	c.checkDatabase()
	c.checkJWT()
	c.checkKeys()
	c.checkSessions()
	c.checkPasswords()
	c.checkHash()
	c.checkAbuse()
	c.checkMail()
	c.checkAccounts()
	c.checkRateLimit()
	c.checkMetrics()
	c.checkLog()
	return c.faults
}

func (c *checker) fault(variable, problem, remedy string) {
	if !c.known.names(variable) {
		c.faults = append(c.faults, Fault{variable, problem, remedy})
	}
}

func (c *checker) oneOf(variable, value string, allowed ...string) bool {
	if slices.Contains(allowed, value) {
		return true
	}
	last := len(allowed) - 1
	c.fault(variable, "is "+shown(value)+", which is not known",
		"Write "+strings.Join(allowed[:last], ", ")+" or "+allowed[last]+".")
	return false
}

func (c *checker) within(variable string, value, least, most time.Duration) {
	if value < least || value > most {
		c.fault(variable, fmt.Sprintf("is %s, and has to be from %s to %s", value, least, most),
			"Write a number and a unit, as "+most.String()+", or whole seconds.")
	}
}

func (c *checker) between(variable string, value, least, most int) {
	if value < least || value > most {
		c.fault(variable, fmt.Sprintf("is %d, and has to be from %d to %d", value, least, most), "")
	}
}

func (c *checker) checkServer() {
	server := &c.settings.Server
	c.oneOf("APP_ENV", c.settings.Environment, Development, Production)
	if !isListenAddress(server.Addr) {
		c.fault("ADDR", "is "+shown(server.Addr)+", which is not an address to listen at",
			"Write HOST:PORT, as 127.0.0.1:8080, or :8080 for every interface.")
	}
	c.within("SHUTDOWN_TIMEOUT", server.ShutdownTimeout, time.Second, 10*time.Minute)
	c.checkPublicURL()
	c.checkProxies()
	c.checkOrigins()
}

func (c *checker) checkPublicURL() {
	server := c.settings.Server
	if server.PublicURL == "" {
		c.fault("PUBLIC_URL", "is required in production",
			"Write where clients reach the service, as https://auth.example.com.")
		return
	}
	switch origin, err := parseOrigin(server.PublicURL); {
	case err != nil:
		c.fault("PUBLIC_URL", err.Error(),
			"Write scheme and host alone, as https://auth.example.com; a path prefix is not supported.")
	case c.settings.InProduction() && !strings.HasPrefix(origin, "https://"):
		c.fault("PUBLIC_URL", "has to begin with https:// in production",
			"Put a proxy that speaks TLS in front, and write its URL.")
	}
}

func (c *checker) checkProxies() {
	proxies := c.settings.Server.TrustedProxies
	for i, item := range proxies {
		prefix, err := parseProxy(item)
		switch {
		case err != nil:
			c.fault("TRUSTED_PROXIES", "holds "+shown(item)+", which is neither an address nor a network",
				"Write IP addresses and networks with commas between, as 10.0.0.0/8,192.0.2.7.")
		case prefix.Bits() == 0 && c.settings.InProduction():
			c.fault("TRUSTED_PROXIES", "holds "+prefix.String()+", so that every client could choose its own address",
				"Write the addresses of your own proxies.")
		default:
			proxies[i] = proxyString(prefix)
		}
	}
}

func (c *checker) checkOrigins() {
	const variable = "CORS_ALLOWED_ORIGINS"
	const remedy = "Write each origin as a browser sends it, as https://app.example.com, with commas between."
	origins := c.settings.Server.CORSAllowedOrigins
	for i, item := range origins {
		origin, err := parseOrigin(item)
		switch {
		case strings.Contains(item, "*"):
			c.fault(variable, "holds a wildcard, which would open the API to every web page", remedy)
		case item == "null":
			c.fault(variable, "holds null, the origin of every sandboxed page, whoever wrote it", remedy)
		case err != nil:
			c.fault(variable, "has an item that "+err.Error(), remedy)
		default:
			origins[i] = origin
		}
	}
}

func (c *checker) checkDatabase() {
	database := c.settings.Database
	if problem, remedy := databaseProblem(database); problem != "" {
		c.fault("DATABASE_URL", problem, remedy)
	}
	c.between("DB_MAX_OPEN_CONNS", database.MaxOpenConns, 1, 10000)
	c.between("DB_MAX_IDLE_CONNS", database.MaxIdleConns, 0, 10000)
	c.within("DB_CONN_MAX_LIFETIME", database.ConnMaxLifetime, 0, 24*time.Hour)
}

var tokenPattern = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") // RFC 9110, section 5.6.2

func (c *checker) checkJWT() {
	jwt := c.settings.JWT
	c.within("JWT_EXPIRATION_DELTA", jwt.ExpirationDelta, time.Second, 24*time.Hour)
	if jwt.Jitter < 0 || jwt.Jitter > 0.5 || math.IsNaN(jwt.Jitter) {
		c.fault("JWT_EXPIRATION_JITTER", "is not between 0 and 0.5", "Write a share, as 0.05 for 5 %.")
	}
	if jwt.KeyRotation != 0 {
		c.within("JWT_KEY_ROTATION", jwt.KeyRotation, 24*time.Hour, 10*year)
	}
	c.within("JWT_LEEWAY", jwt.Leeway, 0, 2*time.Minute)
	if !tokenPattern.MatchString(jwt.AuthHeaderPrefix) {
		c.fault("JWT_AUTH_HEADER_PREFIX", "is "+shown(jwt.AuthHeaderPrefix)+", which no header can begin with",
			"Write one word, as Bearer.")
	}
	if !jwt.Verify {
		c.fault("JWT_VERIFY", "is false, but tokens whose signature nobody verifies are worth nothing: anyone can write them",
			"Remove it.")
	}
	if !jwt.VerifyExpiration {
		c.fault("JWT_VERIFY_EXPIRATION", "is false, but a stolen token would then work for ever",
			"Remove it. For tokens that live longer set JWT_EXPIRATION_DELTA.")
	}
}

const year = 365 * 24 * time.Hour

func (c *checker) checkSessions() {
	session := c.settings.Session
	c.within("SESSION_IDLE_TIMEOUT", session.IdleTimeout, time.Minute, 10*year)
	c.within("SESSION_LIFETIME", session.Lifetime, time.Minute, 10*year)
	c.within("REFRESH_GRACE", session.RefreshGrace, 0, 10*time.Minute)
}

func (c *checker) checkPasswords() {
	password := c.settings.Password
	c.between("PASSWORD_MIN_LENGTH", password.MinLength, 8, 64)
	c.between("PASSWORD_HASH_CONCURRENCY", password.HashConcurrency, 0, 1024)
	c.within("PASSWORD_HASH_WAIT", password.HashWait, time.Millisecond, 30*time.Second)
}

// checkHash looks at each cost alone. What costs are too much or too little together is the hashing room's to say.
func (c *checker) checkHash() {
	hash := c.settings.Hash
	c.oneOf("PASSWORD_HASH", hash.Algorithm, "argon2id", "bcrypt", "scrypt", "pbkdf2_sha256")
	c.between("PASSWORD_ARGON2_MEMORY", hash.Argon2Memory, 8, 128*1024)
	c.between("PASSWORD_ARGON2_TIME", hash.Argon2Time, 1, 1024)
	c.between("PASSWORD_ARGON2_THREADS", hash.Argon2Threads, 1, 16)
	c.between("PASSWORD_BCRYPT_COST", hash.BcryptCost, 4, 15)
	c.between("PASSWORD_SCRYPT_N", hash.ScryptN, 2, 1<<20)
	if n := hash.ScryptN; n >= 2 && n&(n-1) != 0 {
		c.fault("PASSWORD_SCRYPT_N", "is not a power of two", "Write one, as 32768 or 65536.")
	}
	c.between("PASSWORD_SCRYPT_R", hash.ScryptR, 1, 64)
	c.between("PASSWORD_SCRYPT_P", hash.ScryptP, 1, 16)
	c.between("PASSWORD_PBKDF2_ITERATIONS", hash.PBKDF2Iterations, 1, 4_000_000)
	for _, name := range hash.AllowLegacy {
		if !c.oneOf("PASSWORD_ALLOW_LEGACY_HASHES", name, "md5", "sha1", "unsalted_md5", "unsalted_sha1") {
			break
		}
	}
}

func (c *checker) checkAbuse() {
	c.within("AUDIT_RETENTION", c.settings.Abuse.AuditRetention, 24*time.Hour, 10*year)
}

func (c *checker) checkRateLimit() {
	limit := c.settings.RateLimit
	c.within("REDIS_TIMEOUT", limit.RedisTimeout, time.Millisecond, 10*time.Second)
	if limit.RedisURL.IsSet() && !isRedisURL(limit.RedisURL.Reveal()) {
		c.fault("REDIS_URL", "is not the URL of a Redis server",
			"Write redis://USER:PASSWORD@HOST:6379/0, or rediss:// for TLS.")
	}
}

func (c *checker) checkMetrics() {
	addr := c.settings.Metrics.Addr
	switch {
	case addr == "":
	case !isListenAddress(addr):
		c.fault("METRICS_ADDR", "is "+shown(addr)+", which is not an address to listen at",
			"Write HOST:PORT, as 127.0.0.1:9090.")
	case addr == c.settings.Server.Addr && !strings.HasSuffix(addr, ":0"):
		c.fault("METRICS_ADDR", "is that of ADDR, where everybody could read it", "Write another port.")
	}
}

func (c *checker) checkLog() {
	c.oneOf("LOG_FORMAT", c.settings.Log.Format, "text", "json")
}
