package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
)

const (
	probeInterval  = time.Second // between the tries of a Redis that failed
	maxConnections = 64          // per replica; a request that finds none free waits for as long as a command may take
)

// Redis counts for all replicas together, by the clock of the Redis server. It notices when the server stops responding, and when
// it responds again.
type Redis struct {
	pool    *redis.Pool
	timeout time.Duration
	log     *slog.Logger
	now     func() time.Time
	swap    *redis.Script
	forget  *redis.Script
	down    atomic.Bool
	next    atomic.Int64 // when to try again, in nanoseconds since 1970
}

// RedisOptions say where Redis (or Valkey) is, and how long it may take to respond to a command.
type RedisOptions struct {
	URL     string // redis:// or rediss://
	Timeout time.Duration
	Log     *slog.Logger
	Now     func() time.Time
}

// swapScript replaces a value if it is still the old one, atomically.
const swapScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

// forgetScript deletes a value if it is still the one that was read, atomically.
const forgetScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`

// NewRedis returns a Redis that connects when there is something to count. The error contains no password.
func NewRedis(options RedisOptions) (*Redis, error) {
	address, err := normalizeURL(options.URL)
	if err != nil {
		return nil, err
	}
	r := &Redis{
		timeout: options.Timeout, log: options.Log, now: options.Now, swap: redis.NewScript(1, swapScript),
		forget: redis.NewScript(1, forgetScript),
	}
	r.pool = &redis.Pool{
		MaxActive: maxConnections, MaxIdle: maxConnections, Wait: true, IdleTimeout: 30 * time.Minute,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			// The wait for a connection is bounded by its caller; each step of making one has the timeout for itself.
			return redis.DialURLContext(context.WithoutCancel(ctx), address,
				redis.DialConnectTimeout(options.Timeout), redis.DialTLSHandshakeTimeout(options.Timeout),
				redis.DialReadTimeout(options.Timeout), redis.DialWriteTimeout(options.Timeout))
		},
		TestOnBorrowContext: r.isAlive,
	}
	return r, nil
}

var databasePath = regexp.MustCompile(`^(/\d{0,9}/?)?$`)

// normalizeURL returns the URL of a Redis server, redis://user:password@host:port/database, or rediss:// for TLS, with its port
// and without a slash at its end, as redigo reads it. The error contains nothing of the URL.
func normalizeURL(text string) (string, error) {
	parsed, err := url.Parse(text)
	if err != nil || !slices.Contains([]string{"redis", "rediss"}, parsed.Scheme) ||
		parsed.Opaque != "" || !databasePath.MatchString(parsed.Path) {
		return "", errors.New("not the URL of a Redis server")
	}
	if parsed.Port() == "" {
		parsed.Host = net.JoinHostPort(parsed.Hostname(), "6379")
	}
	parsed.Path = strings.TrimSuffix(parsed.Path, "/")
	return parsed.String(), nil
}

// isAlive checks a connection that was idle, which the server, or something in between, may have closed. While Redis is down it
// checks every connection, so that one probe drops all that a restart has broken.
func (r *Redis) isAlive(ctx context.Context, conn redis.Conn, lastUsed time.Time) error {
	if r.Up() && r.now().Sub(lastUsed) < probeInterval {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := conn.Do("PING")
	return err
}

// Close closes the connections.
func (r *Redis) Close() error { return r.pool.Close() }

// Ping returns an error unless the server responds, and lets us in.
func (r *Redis) Ping(ctx context.Context) error {
	return r.with(ctx, func(conn redis.Conn) error {
		_, err := conn.Do("PING")
		return err
	})
}

// Up reports whether Redis responded when it was last used, or has not been used yet.
func (r *Redis) Up() bool { return !r.down.Load() }

// isDue reports whether to use Redis: always while it is up, and once per probeInterval while it is down.
func (r *Redis) isDue() bool {
	if r.Up() {
		return true
	}
	now, next := r.now().UnixNano(), r.next.Load()
	hasGoneBack := next > now+int64(probeInterval) // the clock, since the last try
	return (now >= next || hasGoneBack) && r.next.CompareAndSwap(next, now+int64(probeInterval))
}

func (r *Redis) failed(ctx context.Context, err error) {
	r.next.Store(r.now().Add(probeInterval).UnixNano())
	if !r.down.Swap(true) {
		r.log.WarnContext(ctx, "Redis does not answer; each replica counts rate limits for itself until it does",
			"error", err)
	}
}

func (r *Redis) responded(ctx context.Context) {
	if r.down.Load() && r.down.CompareAndSwap(true, false) {
		r.log.InfoContext(ctx, "Redis answers again; rate limits are counted for all replicas together")
	}
}

// with calls use with a connection. Each command is bounded by the timeout, and so is getting the connection.
func (r *Redis) with(ctx context.Context, use func(redis.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	conn, err := r.pool.GetContext(waiting)
	if err != nil {
		return fmt.Errorf("connect to Redis: %w", err)
	}
	defer func() { _ = conn.Close() }() // fails only as use did; the pool drops the connection then
	return use(conn)
}

const keyPrefix = "latchkey:limit:"

// GetWithTime returns the value of a key, or -1 if there is none, and the time of the server.
func (r *Redis) GetWithTime(ctx context.Context, key string) (value int64, at time.Time, err error) {
	err = r.with(ctx, func(conn redis.Conn) error {
		clock, found, err := readWithTime(conn, keyPrefix+key)
		if err != nil {
			return fmt.Errorf("read from Redis: %w", err)
		}
		at = time.Unix(clock[0], clock[1]*int64(time.Microsecond))
		value, err = redis.Int64(found, nil)
		if errors.Is(err, redis.ErrNil) {
			value, err = -1, nil
		}
		return err
	})
	return value, at, err
}

// readWithTime returns the time, in seconds and microseconds, and the value of a key, in one round trip.
func readWithTime(conn redis.Conn, key string) (clock []int64, value any, err error) {
	if err := conn.Send("TIME"); err != nil {
		return nil, nil, err
	}
	if err := conn.Send("GET", key); err != nil {
		return nil, nil, err
	}
	if err := conn.Flush(); err != nil {
		return nil, nil, err
	}
	if clock, err = redis.Int64s(conn.Receive()); err != nil {
		return nil, nil, err
	}
	if len(clock) != 2 {
		return nil, nil, errors.New("TIME is not two numbers")
	}
	value, err = conn.Receive()
	return clock, value, err
}

// SetIfNotExistsWithTTL adds a key unless it exists, and reports whether it did. Unlike the store that comes with throttled, it
// never changes the expiry of a key that exists: the last of several requests at the same time would shorten it, and so end the
// limit early.
func (r *Redis) SetIfNotExistsWithTTL(
	ctx context.Context, key string, value int64, ttl time.Duration,
) (added bool, err error) {
	err = r.with(ctx, func(conn redis.Conn) error {
		reply, err := conn.Do("SET", keyPrefix+key, value, "PX", roundUp(ttl).Milliseconds(), "NX")
		added = reply != nil // nil means that the key exists
		return err
	})
	return added && err == nil, err
}

// CompareAndSwapWithTTL replaces the value of a key if it is still old, and reports whether it was.
func (r *Redis) CompareAndSwapWithTTL(
	ctx context.Context, key string, old, value int64, ttl time.Duration,
) (swapped bool, err error) {
	err = r.with(ctx, func(conn redis.Conn) error {
		swapped, err = redis.Bool(r.swap.Do(conn, keyPrefix+key, old, value, roundUp(ttl).Milliseconds()))
		return err
	})
	return swapped, err
}

// roundUp returns a lifetime in whole milliseconds that is a little longer than ttl, and never shorter.
func roundUp(ttl time.Duration) time.Duration { return ttl.Truncate(time.Millisecond) + time.Second }
