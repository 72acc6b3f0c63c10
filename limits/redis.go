package limits

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// probeInterval is how often a Redis that failed is tried again.
const probeInterval = time.Second

// Redis counts for all replicas together, by the clock of the Redis server. It notices when that does not answer, and when
// it does again.
type Redis struct {
	client *redis.Client
	log    *slog.Logger
	now    func() time.Time
	swap   *redis.Script
	down   atomic.Bool
	next   atomic.Int64 // when to try again, in nanoseconds since 1970
}

// RedisOptions say where Redis (or Valkey) is and how long it may take to answer a command.
type RedisOptions struct {
	URL     string // redis:// or rediss://
	Timeout time.Duration
	Log     *slog.Logger
	Now     func() time.Time
}

// swapScript replaces a value that is still the old one, in one step.
const swapScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

// NewRedis prepares to count in Redis; it connects when there is something to count. The error holds no password.
func NewRedis(options RedisOptions) (*Redis, error) {
	parsed, err := redis.ParseURL(options.URL)
	if err != nil {
		return nil, errors.New("not the URL of a Redis server")
	}
	logging.Disable() // its own lines would come for every failed connection
	parsed.DialTimeout, parsed.PoolTimeout = options.Timeout, options.Timeout
	parsed.ReadTimeout, parsed.WriteTimeout = options.Timeout, options.Timeout
	parsed.DialerRetries, parsed.MaxRetries = 1, -1 // the next request tries again
	parsed.ContextTimeoutEnabled = true
	parsed.DisableIdentity = true
	parsed.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &Redis{
		client: redis.NewClient(parsed), log: options.Log, now: options.Now, swap: redis.NewScript(swapScript),
	}, nil
}

// Close ends the connections.
func (r *Redis) Close() error { return r.client.Close() }

// Up tells whether Redis answered when it was last asked, or was not asked yet.
func (r *Redis) Up() bool { return !r.down.Load() }

// worthAsking tells whether Redis can be expected to answer. While it is down, one caller in a while finds out.
func (r *Redis) worthAsking() bool {
	if r.Up() {
		return true
	}
	now, next := r.now().UnixNano(), r.next.Load()
	return now >= next && r.next.CompareAndSwap(next, now+int64(probeInterval))
}

func (r *Redis) failed(ctx context.Context, err error) {
	r.next.Store(r.now().Add(probeInterval).UnixNano())
	if !r.down.Swap(true) {
		r.log.WarnContext(ctx, "Redis does not answer; each replica counts rate limits for itself until it does",
			"error", err)
	}
}

func (r *Redis) answered(ctx context.Context) {
	if r.down.Load() && r.down.CompareAndSwap(true, false) {
		r.log.InfoContext(ctx, "Redis answers again; rate limits are counted for all replicas together")
	}
}

const keyPrefix = "latchkey:limit:"

// GetWithTime answers -1 for a key that is not there, and the time of the server.
func (r *Redis) GetWithTime(ctx context.Context, key string) (int64, time.Time, error) {
	pipe := r.client.Pipeline()
	clock, value := pipe.Time(ctx), pipe.Get(ctx, keyPrefix+key)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return 0, time.Time{}, fmt.Errorf("read from Redis: %w", err)
	}
	at, err := value.Int64()
	if errors.Is(err, redis.Nil) {
		return -1, clock.Val(), nil
	}
	return at, clock.Val(), err
}

// SetIfNotExistsWithTTL adds a key and tells whether it did. Unlike the store that throttled brings, it never touches the
// expiry of a key that was there: of requests at the same time the last would shorten it, and free who is held back.
func (r *Redis) SetIfNotExistsWithTTL(ctx context.Context, key string, value int64, ttl time.Duration) (bool, error) {
	err := r.client.SetArgs(ctx, keyPrefix+key, value, redis.SetArgs{Mode: "NX", TTL: roundUp(ttl)}).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	return err == nil, err
}

// CompareAndSwapWithTTL replaces a value that is still old and tells whether it was.
func (r *Redis) CompareAndSwapWithTTL(
	ctx context.Context, key string, old, value int64, ttl time.Duration,
) (bool, error) {
	swapped, err := r.swap.Run(ctx, r.client, []string{keyPrefix + key}, old, value, roundUp(ttl).Milliseconds()).Int()
	return swapped == 1, err
}

// roundUp keeps a key for a moment longer than it counts, never shorter.
func roundUp(ttl time.Duration) time.Duration { return ttl.Truncate(time.Millisecond) + time.Second }
