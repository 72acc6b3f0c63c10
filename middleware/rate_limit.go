package middleware

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"

	"latchkey/models"
	"latchkey/problems"
	"latchkey/ratelimit"
)

// RateLimit limits requests of one kind: by each client's address, and by each account that they are about.
type RateLimit struct {
	Name    string
	Address *ratelimit.Limiter
	Account *ratelimit.Limiter

	// SuccessIsCheap gives an address back most of what a successful request cost: the people who share one address mostly
	// succeed, while somebody who guesses mostly fails.
	SuccessIsCheap bool
}

const rateLimitsKey = "latchkey.rate_limits"

// LimitRate lets as many requests of a client's address pass as limit allows, and sets the headers RateLimit and RateLimit-Policy
// (draft-ietf-httpapi-ratelimit-headers-10). The others get a *problems.RateLimitedError. Behind it, LimitAccount counts by
// account.
func LimitRate(limit RateLimit, metrics *Metrics) gin.HandlerFunc {
	return func(c *gin.Context) {
		client := network(ClientAddress(c))
		decision, err := limit.Address.Take(c.Request.Context(), client)
		if err != nil {
			Fail(c, err)
			return
		}
		metrics.Decided(limit.Name, "address", decision)
		c.Writer.Header().Add("RateLimit-Policy",
			fmt.Sprintf(`"%s";q=%d;w=%d`, limit.Name, decision.Quota.Count, seconds(decision.Quota.Period)))
		c.Writer.Header().Add("RateLimit",
			fmt.Sprintf(`"%s";r=%d;t=%d`, limit.Name, decision.Remaining, seconds(decision.Reset)))
		if !decision.Allowed {
			Fail(c, &problems.RateLimitedError{RetryAfter: decision.RetryAfter})
			return
		}
		c.Set(rateLimitsKey, append(rateLimits(c), accountLimit{limit, metrics}))
		c.Next()
		if limit.SuccessIsCheap && len(c.Errors) == 0 && c.Writer.Status() < http.StatusBadRequest {
			// If that fails, the address has paid more than it had to.
			_ = limit.Address.GiveBack(context.WithoutCancel(c.Request.Context()), client, decision)
		}
	}
}

type accountLimit struct {
	RateLimit
	metrics *Metrics
}

func rateLimits(c *gin.Context) []accountLimit {
	kept, _ := c.Get(rateLimitsKey)
	all, _ := kept.([]accountLimit)
	return all
}

// LimitAccount counts the request against the account that it is about, by every limit of its route, and returns a
// *problems.RateLimitedError if one is exceeded. No header shows how many requests are left, because that would reveal to others
// how much the account is used. If account is "", the request passes.
func LimitAccount(c *gin.Context, account string) error {
	if account == "" {
		return nil
	}
	for _, limit := range rateLimits(c) {
		decision, err := limit.Account.Take(c.Request.Context(), account)
		if err != nil {
			return err
		}
		limit.metrics.Decided(limit.Name, "account", decision)
		if !decision.Allowed {
			return &problems.RateLimitedError{RetryAfter: decision.RetryAfter}
		}
	}
	return nil
}

// What LimitMail counts.
const (
	MailToReset  = "reset"
	MailToVerify = "verify"
)

// LimitMail is LimitEmail for a request that sends a mail of one kind. Each kind counts on its own: otherwise a stranger could
// use up, by requests that send nothing, what the owner of the address needs to reset their password.
func LimitMail(c *gin.Context, kind, typed string) error {
	return LimitAccount(c, kind+" "+canonicalEmail(typed))
}

// LimitEmail is LimitAccount for the account of an email address, in any spelling, whether or not there is one.
func LimitEmail(c *gin.Context, typed string) error {
	return LimitAccount(c, canonicalEmail(typed))
}

// canonicalEmail returns the canonical spelling of an email address, or the text itself if it is not an address.
func canonicalEmail(typed string) string {
	if canonical, err := models.CanonicalEmail(typed); err == nil {
		return canonical
	}
	return typed
}

// network returns what identifies a client: its IPv4 address, or the /64 of its IPv6 address, all of which belongs to one
// household.
func network(ip string) string {
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	prefix, _ := address.Prefix(64)
	return prefix.String()
}

// seconds returns whole seconds, rounded up, so that a client that waits for them is not too early.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
