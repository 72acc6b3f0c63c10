package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/throttled/throttled/v2"
)

var errBusy = errors.New("the count has changed too often meanwhile")

// counter applies a quota to the keys of one store.
type counter struct {
	store    throttled.GCRAStoreCtx
	gcra     *throttled.GCRARateLimiterCtx
	share    time.Duration // in which one share comes back
	attempts int
}

func newCounter(store throttled.GCRAStoreCtx, quota Quota) (*counter, error) {
	shares := price * quota.Count
	limiter, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{
		MaxRate: throttled.PerDuration(shares, quota.Period), MaxBurst: shares - 1,
	})
	if err != nil {
		return nil, err
	}
	// A swap fails only if another request has passed or given back meanwhile, of which the quota allows no more than this.
	attempts := 4*quota.Count + 20
	limiter.SetMaxCASAttemptsLimit(attempts)
	return &counter{store: store, gcra: limiter, share: quota.Period / time.Duration(shares), attempts: attempts}, nil
}

func (c *counter) take(ctx context.Context, key string) (limited bool, result throttled.RateLimitResult, err error) {
	return c.gcra.RateLimitCtx(ctx, key, price)
}

// giveBack moves the key's theoretical arrival time back by what one request took, except for what is kept.
func (c *counter) giveBack(ctx context.Context, key string) error {
	for range c.attempts {
		arrival, now, err := c.store.GetWithTime(ctx, key)
		if err != nil {
			return fmt.Errorf("refund: %w", err)
		}
		if arrival <= now.UnixNano() {
			return nil // all of it has come back already
		}
		earlier := max(arrival-int64((price-kept)*c.share), now.UnixNano())
		swapped, err := c.store.CompareAndSwapWithTTL(ctx, key, arrival, earlier, time.Duration(earlier-now.UnixNano()))
		if err != nil {
			return fmt.Errorf("refund: %w", err)
		}
		if swapped {
			return nil
		}
	}
	return errBusy
}
