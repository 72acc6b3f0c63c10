package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"
)

// shared keeps the theoretical arrival times of one quota in Redis.
type shared struct {
	*Redis
	ahead time.Duration
}

// newShared returns a store for a quota of this period. As in memory, a time that is two periods ahead or more was stored before
// the clock of the Redis server went back, and counts for nothing.
func newShared(in *Redis, period time.Duration) shared { return shared{Redis: in, ahead: 2 * period} }

// GetWithTime returns the value of a key, or -1 if there is none that counts, and the time of the server.
func (s shared) GetWithTime(ctx context.Context, key string) (int64, time.Time, error) {
	value, now, err := s.Redis.GetWithTime(ctx, key)
	if err != nil || value < now.Add(s.ahead).UnixNano() {
		return value, now, err
	}
	err = s.with(ctx, func(conn redis.Conn) error {
		_, err := s.forget.Do(conn, keyPrefix+key, value)
		return err
	})
	if err != nil {
		return -1, now, fmt.Errorf("forget in Redis: %w", err)
	}
	return -1, now, nil
}
