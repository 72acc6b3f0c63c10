// Package ratelimit owns how often something may happen: quotas by the generic cell rate algorithm (GCRA), counted in this
// process or, for all replicas together, in Redis. It knows neither HTTP nor the meaning of the keys.
package ratelimit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/throttled/throttled/v2"
)

// Quota is how many requests may pass in a period. All of them may pass at once; the quota refills evenly over the period.
type Quota struct {
	Count  int
	Period time.Duration
}

// The stores that a decision can come from.
const (
	InMemory = "memory"
	InRedis  = "redis"
)

// Decision is whether a request may pass. Remaining is how many more could pass now, Reset the time until the quota is full
// again, RetryAfter the time until the next may pass if this one may not. Store is InMemory or InRedis.
type Decision struct {
	Allowed    bool
	Quota      Quota
	Remaining  int
	Reset      time.Duration
	RetryAfter time.Duration
	Store      string
}

// Counting is where and how limiters count. Key is the secret under which the keys in the store are hashed, Redis may be nil, and
// Now is the clock for what is counted in memory.
type Counting struct {
	Key   []byte
	Redis *Redis
	Now   func() time.Time
}

// Limiter applies a quota to each key. It is safe for concurrent use.
type Limiter struct {
	name   string
	quota  Quota
	key    []byte
	memory *counter
	redis  *Redis
	shared *counter // nil without Redis
}

// price is what Take takes, in shares of which the quota has as many for each of its requests. kept is what of them stays taken
// after GiveBack.
const (
	price = 10
	kept  = 1
)

// NewLimiter returns a limiter. Limiters of the same name share their counts in Redis. It fails if the quota is not positive.
func NewLimiter(name string, quota Quota, counting Counting) (*Limiter, error) {
	if quota.Count <= 0 || quota.Period/price < time.Duration(quota.Count) {
		return nil, fmt.Errorf("limit %s: %d in %s is not a quota", name, quota.Count, quota.Period)
	}
	l := &Limiter{name: name, quota: quota, key: counting.Key, redis: counting.Redis}
	var err error
	if l.memory, err = newCounter(newMemory(maxKeys, quota.Period, counting.Now), quota); err != nil {
		return nil, err
	}
	if l.redis != nil {
		l.shared, err = newCounter(newShared(l.redis, quota.Period), quota)
	}
	return l, err
}

// Take decides whether one more request may pass for key, and counts it if so. While Redis does not respond, each process counts
// for itself. The only error is that of a context that has ended.
func (l *Limiter) Take(ctx context.Context, key string) (Decision, error) {
	hidden := l.hide(key)
	if l.shared != nil && l.redis.isDue() {
		limited, result, err := l.shared.take(ctx, hidden)
		if err == nil {
			l.redis.responded(ctx)
			return l.decision(limited, result, InRedis), nil
		}
		if ctx.Err() != nil {
			return Decision{}, ctx.Err()
		}
		l.redis.failed(ctx, err)
	}
	limited, result, err := l.memory.take(ctx, hidden)
	if err != nil {
		return Decision{}, err
	}
	return l.decision(limited, result, InMemory), nil
}

// GiveBack returns nine tenths of what Take took when it made this decision, so that whoever succeeds may come back sooner than
// whoever fails. Until it is called the request counts in full, so that failures at the same time don't all pass.
func (l *Limiter) GiveBack(ctx context.Context, key string, taken Decision) error {
	if taken.Store == InMemory {
		return l.memory.giveBack(ctx, l.hide(key))
	}
	err := l.shared.giveBack(ctx, l.hide(key))
	if err != nil && ctx.Err() == nil {
		l.redis.failed(ctx, err)
	}
	return err
}

func (l *Limiter) decision(limited bool, result throttled.RateLimitResult, store string) Decision {
	return Decision{
		Allowed: !limited, Quota: l.quota, Remaining: result.Remaining / price,
		Reset: max(result.ResetAfter, 0), RetryAfter: max(result.RetryAfter, 0), Store: store,
	}
}

// hide returns a key of the store that reveals neither an address nor an account, and has the same length for all.
func (l *Limiter) hide(key string) string {
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte(l.name + "\x00" + key))
	return l.name + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}
