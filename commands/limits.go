package commands

import (
	"github.com/gin-gonic/gin"

	"latchkey/config"
	"latchkey/middleware"
	"latchkey/ratelimit"
	"latchkey/routes"
)

// openRedis prepares to count in the Redis of the settings; without one it gives back nil.
func openRedis(settings config.Settings, with Resources) (*ratelimit.Redis, error) {
	rate := settings.RateLimit
	if !bool(rate.Enabled) || !rate.RedisURL.IsSet() {
		return nil, nil
	}
	return ratelimit.NewRedis(ratelimit.RedisOptions{
		URL: rate.RedisURL.Reveal(), Timeout: rate.RedisTimeout, Log: with.Log, Now: with.Now,
	})
}

// rateLimits are the limits of the routes, by the quotas of the settings.
func rateLimits(settings config.Settings, counting ratelimit.Counting, metrics *middleware.Metrics) (routes.Limits, error) {
	rate := settings.RateLimit
	pass := func(*gin.Context) {}
	if !rate.Enabled {
		return routes.Limits{Login: pass, Signup: pass, Refresh: pass, Mail: pass, Secret: pass}, nil
	}
	counting.Key = derivedKeys(settings, "rate-limits")[0]
	var limit routes.Limits
	for _, kind := range []struct {
		name             string
		into             *gin.HandlerFunc
		address, account config.Quota
	}{
		{"login", &limit.Login, rate.Login, rate.LoginAccount},
		{"signup", &limit.Signup, rate.Signup, rate.SignupAccount},
		{"refresh", &limit.Refresh, rate.Refresh, rate.RefreshAccount},
		{"mail", &limit.Mail, rate.Mail, rate.MailAccount},
		{"secret", &limit.Secret, rate.Secret, rate.SecretAccount},
	} {
		address, err := ratelimit.NewLimiter(kind.name, ratelimit.Quota(kind.address), counting)
		if err != nil {
			return limit, err
		}
		account, err := ratelimit.NewLimiter(kind.name+"_account", ratelimit.Quota(kind.account), counting)
		if err != nil {
			return limit, err
		}
		*kind.into = middleware.LimitRate(middleware.RateLimit{Name: kind.name, Address: address, Account: account}, metrics)
	}
	return limit, nil
}
