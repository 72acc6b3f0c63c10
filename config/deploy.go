package config

import (
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Level is how much a finding matters.
type Level string

// An error makes a deployment unsafe; a warning is something that could be safer.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
)

// Finding is something about the settings that the internet is not the place for. Subject is most often a variable.
type Finding struct {
	Level   Level
	Subject string
	Problem string
	Remedy  string
}

// DeployFindings says what is unsafe, or could be safer, about serving the internet with s. Some of it Load refuses in
// production, so that it is only found before APP_ENV is changed.
func DeployFindings(s Settings) []Finding {
	var findings []Finding
	for _, look := range []func(Settings) []Finding{
		findEnvironment, findServer, findSecrets, findDatabase, findTokens, findRateLimits, findMail, findRest,
	} {
		findings = append(findings, look(s)...)
	}
	return findings
}

func findEnvironment(s Settings) []Finding {
	if s.InProduction() {
		return nil
	}
	return []Finding{{
		LevelError, "APP_ENV", "is " + s.Environment + ", which starts with settings that are unsafe on the internet",
		"Set APP_ENV=production.",
	}}
}

func findServer(s Settings) (findings []Finding) {
	if !strings.HasPrefix(s.Server.PublicURL, "https://") {
		findings = append(findings, Finding{
			LevelError, "PUBLIC_URL", "does not begin with https://, so passwords and tokens travel in clear",
			"Put a proxy that speaks TLS in front, and write its URL.",
		})
	}
	if len(s.Server.TrustedProxies) == 0 {
		findings = append(findings, Finding{
			LevelWarning, "TRUSTED_PROXIES", "names no proxy that terminates TLS; behind one all clients share its address",
			"Write the proxy's address, as 10.0.0.7.",
		})
	}
	for _, proxy := range s.Server.TrustedProxies {
		if strings.HasSuffix(proxy, "/0") {
			findings = append(findings, Finding{
				LevelError, "TRUSTED_PROXIES", "trusts every address, so that every client can choose its own",
				"Write the addresses of your own proxies.",
			})
		}
	}
	for _, origin := range s.Server.CORSAllowedOrigins {
		if strings.HasPrefix(origin, "http://") {
			findings = append(findings, Finding{
				LevelWarning, "CORS_ALLOWED_ORIGINS", "lets " + origin + " call the API, a page that anyone on its way can change",
				"Allow origins with https:// alone.",
			})
		}
	}
	return findings
}

func findSecrets(s Settings) (findings []Finding) {
	secrets := []struct {
		variable string
		value    Secret
	}{{"SECRET_KEY", s.SecretKey}, {"JWT_SECRET_KEY", s.JWT.SecretKey}}
	for _, secret := range secrets {
		if problem := weakness(secret.value); secret.value.IsSet() && problem != "" {
			findings = append(findings, Finding{LevelError, secret.variable, problem, makeSecret})
		}
	}
	if !s.SecretKey.IsSet() {
		findings = append(findings, Finding{LevelError, "SECRET_KEY", "is not set", makeSecret})
	}
	if s.JWT.SecretKey.IsSet() && s.JWT.SecretKey.Reveal() == s.SecretKey.Reveal() {
		findings = append(findings, Finding{
			LevelWarning, "JWT_SECRET_KEY", "is the same as SECRET_KEY, so that who verifies tokens knows the key of everything",
			"Remove it, and it is derived from SECRET_KEY; or write another one.",
		})
	}
	return findings
}

func findDatabase(s Settings) []Finding {
	if s.Database.IsSQLite() {
		return []Finding{{
			LevelWarning, "DATABASE_URL", "is an SQLite file, which serves one process on one machine",
			"Use PostgreSQL for more than one replica; otherwise back the file up.",
		}}
	}
	parsed, err := url.Parse(s.Database.URL.Reveal())
	if err != nil || isLocal(parsed) {
		return nil
	}
	switch mode := parsed.Query().Get("sslmode"); mode {
	case "disable":
		return []Finding{{
			LevelError, "DATABASE_URL", "has sslmode=disable, so everything travels to the database in clear",
			"Write sslmode=verify-full, with sslrootcert where the certificate is your own.",
		}}
	case "", "allow", "prefer":
		return []Finding{{
			LevelWarning, "DATABASE_URL", "does not insist on TLS, so that whoever is in between can turn it off",
			"Write sslmode=verify-full, with sslrootcert where the certificate is your own.",
		}}
	default:
		return nil
	}
}

// isLocal tells whether every host of a PostgreSQL URL is this machine, by a socket or the loopback.
func isLocal(database *url.URL) bool {
	hosts := database.Host
	if query := database.Query().Get("host"); query != "" {
		hosts = query
	}
	for host := range strings.SplitSeq(hosts, ",") {
		name, _, _ := cutPort(host)
		addr, err := netip.ParseAddr(strings.Trim(name, "[]"))
		loopback := err == nil && addr.Unmap().IsLoopback()
		if name != "" && name != "localhost" && !strings.HasPrefix(name, "/") && !loopback {
			return false
		}
	}
	return true
}

func findTokens(s Settings) (findings []Finding) {
	const long = 15 * time.Minute
	if s.JWT.Algorithm == hs256 {
		findings = append(findings, Finding{
			LevelWarning, "JWT_ALGORITHM", "is HS256: every service that verifies a token could also sign one",
			"Set JWT_ALGORITHM=ES256, unless no other service verifies tokens.",
		})
	}
	if s.JWT.ExpirationDelta > long {
		findings = append(findings, Finding{
			LevelWarning, "JWT_EXPIRATION_DELTA", "is " + s.JWT.ExpirationDelta.String() + ", and so long a stolen token works",
			"Set it to 15m or less.",
		})
	}
	return findings
}

func findRateLimits(s Settings) (findings []Finding) {
	limit := s.RateLimit
	if !limit.Enabled {
		return []Finding{{
			LevelError, "RATE_LIMITS", "is off, so that anyone may guess passwords and send mail as fast as he can",
			"Remove it; raise the limit that is in the way, as RATE_LIMIT_LOGIN=60/1m.",
		}}
	}
	if s.Database.IsPostgres() && !limit.RedisURL.IsSet() {
		findings = append(findings, Finding{
			LevelWarning, "REDIS_URL", "is not set, so that each replica counts for itself and n of them let n times as many pass",
			"Set it if there is more than one replica.",
		})
	}
	if parsed, err := url.Parse(limit.RedisURL.Reveal()); err == nil && parsed.Scheme == "redis" && !isLocal(parsed) {
		findings = append(findings, Finding{
			LevelWarning, "REDIS_URL", "begins with redis://, so its password travels in clear", "Write rediss:// where Redis speaks TLS.",
		})
	}
	return findings
}

func findRest(s Settings) (findings []Finding) {
	const singleFactor = 15 // characters; NIST SP 800-63B-4, section 3.1.1.2
	if s.Password.MinLength < singleFactor {
		findings = append(findings, Finding{
			LevelWarning, "PASSWORD_MIN_LENGTH", "is below 15, which NIST SP 800-63B-4 wants where a password is the only factor",
			"Set PASSWORD_MIN_LENGTH=15.",
		})
	}
	if len(s.Hash.AllowLegacy) > 0 {
		findings = append(findings, Finding{
			LevelWarning, "PASSWORD_ALLOW_LEGACY_HASHES",
			"lets " + strings.Join(s.Hash.AllowLegacy, ", ") + " hashes log in, which a thief of the database reads in no time",
			"Remove it once most users have logged in; the others reset their passwords.",
		})
	}
	if host, _, _ := net.SplitHostPort(s.Metrics.Addr); s.Metrics.Addr != "" && (host == "" || net.ParseIP(host).IsUnspecified()) {
		findings = append(findings, Finding{
			LevelWarning, "METRICS_ADDR", "listens on every network of the machine, and asks nobody who he is",
			"Write an address that Prometheus alone can reach, as 127.0.0.1:9090.",
		})
	}
	if s.Log.Level <= slog.LevelDebug {
		findings = append(findings, Finding{
			LevelWarning, "LOG_LEVEL", "is debug, which logs more about your users than operating needs", "Set LOG_LEVEL=info.",
		})
	}
	if s.Superuser.Password.IsSet() {
		findings = append(findings, Finding{
			LevelWarning, "SUPERUSER_PASSWORD", "is still set, for everything to read that this process starts",
			"Remove it once createsuperuser has run.",
		})
	}
	return findings
}
