package config

import (
	"net/url"
	"time"
)

// RateLimit configures how often clients may do what is expensive or can be guessed: each per client address and, in the
// field with the suffix Account, per account. Without RedisURL, every replica counts for itself.
type RateLimit struct {
	Enabled        Switch        `env:"RATE_LIMITS" envDefault:"on"`
	Login          Quota         `env:"RATE_LIMIT_LOGIN" envDefault:"60/2m"`
	LoginAccount   Quota         `env:"RATE_LIMIT_LOGIN_ACCOUNT" envDefault:"10/1m"`
	Signup         Quota         `env:"RATE_LIMIT_SIGNUP" envDefault:"30/5m"`
	SignupAccount  Quota         `env:"RATE_LIMIT_SIGNUP_ACCOUNT" envDefault:"10/5m"`
	Refresh        Quota         `env:"RATE_LIMIT_REFRESH" envDefault:"1200/1m"`
	RefreshAccount Quota         `env:"RATE_LIMIT_REFRESH_ACCOUNT" envDefault:"60/1m"`
	Mail           Quota         `env:"RATE_LIMIT_MAIL" envDefault:"20/10m"`
	MailAccount    Quota         `env:"RATE_LIMIT_MAIL_ACCOUNT" envDefault:"5/15m"`
	Secret         Quota         `env:"RATE_LIMIT_SECRET" envDefault:"60/1h"`
	SecretAccount  Quota         `env:"RATE_LIMIT_SECRET_ACCOUNT" envDefault:"10/15m"`
	Export         Quota         `env:"RATE_LIMIT_EXPORT" envDefault:"60/10m"`
	ExportAccount  Quota         `env:"RATE_LIMIT_EXPORT_ACCOUNT" envDefault:"5/10m"`
	RedisURL       Secret        `env:"REDIS_URL"`
	RedisTimeout   time.Duration `env:"REDIS_TIMEOUT" envDefault:"30ms"`
}

func rateLimitsSection() section {
	return section{
		title: "Rate limits (COUNT/PERIOD; the count is also the burst)",
		variables: []description{
			{"RATE_LIMITS", "off turns all of them off, for tests"},
			{"RATE_LIMIT_LOGIN", "logins from one IP address (IPv6: one /64); one that succeeds counts a tenth"},
			{"RATE_LIMIT_LOGIN_ACCOUNT", "logins to one account, from each known device and from all unknown devices together"},
			{"RATE_LIMIT_SIGNUP", "sign-ups from one IP address"},
			{"RATE_LIMIT_SIGNUP_ACCOUNT", "sign-ups with one email"},
			{"RATE_LIMIT_REFRESH", "refreshes from one IP address"},
			{"RATE_LIMIT_REFRESH_ACCOUNT", "refreshes of one session"},
			{"RATE_LIMIT_MAIL", "requests that send mail, from one IP address"},
			{"RATE_LIMIT_MAIL_ACCOUNT", "requests that send mail to one address, and mails to one mailbox"},
			{"RATE_LIMIT_SECRET", "requests that check a secret, such as a code, from one IP address; success counts a tenth"},
			{"RATE_LIMIT_SECRET_ACCOUNT", "requests that check a secret, about one account"},
			{"RATE_LIMIT_EXPORT", "exports of personal data from one IP address"},
			{"RATE_LIMIT_EXPORT_ACCOUNT", "exports of the personal data of one account"},
			{"REDIS_URL", "redis://USER:PASSWORD@HOST:6379/0, where replicas count together; unset: each counts for itself"},
			{"REDIS_TIMEOUT", "how long a replica waits for Redis before it counts for itself"},
		},
		check:  checkRateLimits,
		deploy: deployRateLimits,
	}
}

func checkRateLimits(c *checker) {
	limit := c.settings.RateLimit
	c.within("REDIS_TIMEOUT", limit.RedisTimeout, time.Millisecond, 10*time.Second)
	if limit.RedisURL.IsSet() && !isRedisURL(limit.RedisURL.Reveal()) {
		c.fail("REDIS_URL", "is not the URL of a Redis server",
			"Write redis://USER:PASSWORD@HOST:6379/0, or rediss:// for TLS.")
	}
	c.refuseUnencrypted(unencryptedRedis, "REDIS_URL", unencryptedRedisProblem(limit), redisTLS)
}

const redisTLS = "Write rediss://, which needs TLS on the Redis server."

// unencryptedRedisProblem returns why Redis on another host is reached without TLS, or "".
func unencryptedRedisProblem(limit RateLimit) string {
	parsed, err := url.Parse(limit.RedisURL.Reveal())
	if err != nil || parsed.Scheme != "redis" || isOnThisMachine(parsed) {
		return ""
	}
	return "begins with redis://, so its password is sent unencrypted"
}

func deployRateLimits(c *checker) {
	limit := c.settings.RateLimit
	if !limit.Enabled {
		c.fail("RATE_LIMITS", "is off, so anyone can guess passwords and send mail as fast as they like",
			"Remove it, and raise the limit that is in the way, such as RATE_LIMIT_LOGIN=200/1m.")
		return
	}
	if c.settings.Database.IsPostgres() && !limit.RedisURL.IsSet() {
		c.warn("REDIS_URL", "is not set, so each replica counts for itself, and n replicas allow n times as many requests",
			"Set it if there is more than one replica.")
	}
	c.warnUnencrypted(unencryptedRedis, "REDIS_URL", unencryptedRedisProblem(limit), redisTLS)
}
