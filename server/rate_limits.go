package server

import (
	"context"
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/config"
	"latchkey/middleware"
	"latchkey/ratelimit"
	"latchkey/routes"
)

// openRedis returns the Redis of the settings, to which it does not connect yet; without one it returns nil.
func openRedis(settings config.Settings, with Resources) (*ratelimit.Redis, error) {
	rate := settings.RateLimit
	if !bool(rate.Enabled) || !rate.RedisURL.IsSet() {
		return nil, nil
	}
	return ratelimit.NewRedis(ratelimit.RedisOptions{
		URL: rate.RedisURL.Reveal(), Timeout: rate.RedisTimeout, Log: with.Log, Now: with.Now,
	})
}

// checkTimeout is how long a check waits for another server.
const checkTimeout = 5 * time.Second

// CheckRedis returns why the Redis of the settings can't be used, or nil if it can be used or none is configured.
func CheckRedis(ctx context.Context, settings config.Settings, with Resources) (err error) {
	settings.RateLimit.RedisTimeout = checkTimeout // REDIS_TIMEOUT is for requests, which can do without
	redis, err := openRedis(settings, with)
	if err != nil || redis == nil {
		return err
	}
	return errors.Join(redis.Ping(ctx), redis.Close())
}

// rateLimits returns the limits of the routes, with the quotas of the settings.
func rateLimits(settings config.Settings, counting ratelimit.Counting, metrics *middleware.Metrics) (routes.Limits, error) {
	rate := settings.RateLimit
	var failed error
	limit := func(name string, address, account config.Quota) gin.HandlerFunc {
		if !rate.Enabled {
			return func(*gin.Context) {}
		}
		policy, err := newRateLimit(name, address, account, counting)
		failed = errors.Join(failed, err)
		policy.SuccessIsCheap = name == "login" || name == "secret" // the others limit what succeeds: accounts, mails, refreshes
		return middleware.LimitRate(policy, metrics)
	}
	limits := routes.Limits{
		Login:   limit("login", rate.Login, rate.LoginAccount),
		Signup:  limit("signup", rate.Signup, rate.SignupAccount),
		Refresh: limit("refresh", rate.Refresh, rate.RefreshAccount),
		Mail:    limit("mail", rate.Mail, rate.MailAccount),
		Secret:  limit("secret", rate.Secret, rate.SecretAccount),
		Export:  limit("export", rate.Export, rate.ExportAccount),
	}
	return limits, failed
}

// newRateLimit returns a limit by IP address and one by account, under one name.
func newRateLimit(name string, address, account config.Quota, counting ratelimit.Counting) (middleware.RateLimit, error) {
	byAddress, err := ratelimit.NewLimiter(name, ratelimit.Quota(address), counting)
	if err != nil {
		return middleware.RateLimit{}, err
	}
	byAccount, err := ratelimit.NewLimiter(name+"_account", ratelimit.Quota(account), counting)
	return middleware.RateLimit{Name: name, Address: byAddress, Account: byAccount}, err
}

// recipientLimit limits the mails to one recipient. Its zero value allows all.
type recipientLimit struct {
	limiter *ratelimit.Limiter
	metrics *middleware.Metrics
}

func newRecipientLimit(rate config.RateLimit, counting ratelimit.Counting, metrics *middleware.Metrics) (recipientLimit, error) {
	if !rate.Enabled {
		return recipientLimit{}, nil
	}
	limiter, err := ratelimit.NewLimiter("mail_recipient", ratelimit.Quota(rate.MailAccount), counting)
	return recipientLimit{limiter, metrics}, err
}

// take reports whether one more mail to a recipient may be sent, and counts it. One to "" is not limited.
func (l recipientLimit) take(ctx context.Context, recipient string) (bool, error) {
	if l.limiter == nil || recipient == "" {
		return true, nil
	}
	decision, err := l.limiter.Take(ctx, recipient)
	if err != nil {
		return false, err
	}
	l.metrics.Decided("mail", "recipient", decision)
	return decision.Allowed, nil
}
