package ratelimit_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/ratelimit"
	"latchkey/testkit"
)

// A quota is a bucket that holds count and fills evenly: the limiter decides as the bucket does, for each key separately.
func TestLimiter_IsABucketThatFillsEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := testkit.NewClock()
		quota := ratelimit.Quota{Count: rapid.IntRange(1, 20).Draw(t, "count"), Period: time.Minute}
		limiter, err := ratelimit.NewLimiter("login", quota, ratelimit.Counting{Now: clock.Now})
		require.NoError(t, err)
		each := quota.Period / time.Duration(quota.Count)
		missing := map[string]time.Duration{} // what a key's bucket lacks, as the time until it is full
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			passed := time.Duration(rapid.Int64Range(0, int64(quota.Period)/2).Draw(t, "passed"))
			clock.Advance(passed)
			for key := range missing {
				missing[key] = max(missing[key]-passed, 0)
			}
			key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
			decision, err := limiter.Take(context.Background(), key)
			require.NoError(t, err)
			room := missing[key]+each <= each*time.Duration(quota.Count)
			require.Equal(t, room, decision.Allowed)
			if room {
				missing[key] += each
				continue
			}
			require.Equal(t, missing[key]+each-each*time.Duration(quota.Count), decision.RetryAfter)
		}
	})
}

func TestNewLimiter_RefusesAQuotaThatIsNotPositive(t *testing.T) {
	for _, quota := range []ratelimit.Quota{{}, {Count: 1}, {Count: -1, Period: time.Minute}, {Count: 2, Period: 1}} {
		_, err := ratelimit.NewLimiter("login", quota, ratelimit.Counting{Now: testkit.NewClock().Now})
		require.Error(t, err, quota)
	}
}

// replica returns a limiter that counts in a Redis, as one process of several does.
func replica(t *testing.T, server *testkit.Redis, quota ratelimit.Quota, clock *testkit.Clock, log *testkit.Log) *ratelimit.Limiter {
	t.Helper()
	redis, err := ratelimit.NewRedis(ratelimit.RedisOptions{
		URL: server.URL, Timeout: 10 * time.Second, Log: slog.New(slog.NewJSONHandler(log, nil)), Now: clock.Now,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, redis.Close()) })
	limiter, err := ratelimit.NewLimiter("login", quota, ratelimit.Counting{Key: []byte("key"), Redis: redis, Now: clock.Now})
	require.NoError(t, err)
	return limiter
}

func take(t *testing.T, limiter *ratelimit.Limiter, key string) ratelimit.Decision {
	t.Helper()
	decision, err := limiter.Take(t.Context(), key)
	require.NoError(t, err)
	return decision
}

func TestLimiter_ReplicasCountTogetherInRedis(t *testing.T) {
	server, clock, log := testkit.NewRedis(t), testkit.NewClock(), &testkit.Log{}
	quota := ratelimit.Quota{Count: 40, Period: 24 * time.Hour} // so that no more may pass while the test runs
	var replicas []*ratelimit.Limiter
	for range 3 {
		replicas = append(replicas, replica(t, server, quota, clock, log))
	}
	var passed atomic.Int64
	var group sync.WaitGroup
	for i := range 300 {
		group.Go(func() {
			decision, err := replicas[i%3].Take(context.Background(), "192.0.2.1")
			if err == nil && decision.Allowed && decision.Store == ratelimit.InRedis {
				passed.Add(1)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, quota.Count, passed.Load())
	require.Empty(t, log.String())
	for _, limiter := range replicas {
		decision := take(t, limiter, "192.0.2.1")
		require.False(t, decision.Allowed)
		require.Zero(t, decision.Remaining)
		require.InDelta(t, quota.Period/40, decision.RetryAfter, float64(testkit.Patience))
		require.True(t, take(t, limiter, "192.0.2.2").Allowed)
	}
}

func TestLimiter_WithoutRedisEachReplicaCountsForItself(t *testing.T) {
	server, clock, log := testkit.NewRedis(t), testkit.NewClock(), &testkit.Log{}
	limiter := replica(t, server, ratelimit.Quota{Count: 2, Period: time.Hour}, clock, log)
	require.Equal(t, ratelimit.InRedis, take(t, limiter, "a").Store)

	server.Stop(t)
	for i := range 5 {
		clock.Advance(2 * time.Second) // so that each request tries Redis first
		decision := take(t, limiter, "a")
		require.Equal(t, ratelimit.InMemory, decision.Store)
		require.Equal(t, i < 2, decision.Allowed)
	}
	require.Equal(t, 1, strings.Count(log.String(), "\n"), "one warning: %s", log)
	require.Contains(t, log.String(), "Redis does not answer")

	server.Start(t)
	require.Equal(t, ratelimit.InMemory, take(t, limiter, "b").Store, "Redis was tried a moment ago")
	clock.Advance(2 * time.Second)
	require.Equal(t, ratelimit.InRedis, take(t, limiter, "b").Store)
	require.Equal(t, 2, strings.Count(log.String(), "\n"), "%s", log)
	require.Contains(t, log.String(), "Redis answers again")
}

func TestLimiter_AClientThatLeftDoesNotMarkRedisAsDown(t *testing.T) {
	server, log := testkit.NewRedis(t), &testkit.Log{}
	limiter := replica(t, server, ratelimit.Quota{Count: 2, Period: time.Hour}, testkit.NewClock(), log)
	server.Freeze(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err := limiter.Take(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	server.Thaw(t)
	require.Equal(t, ratelimit.InRedis, take(t, limiter, "a").Store)
	require.Empty(t, log.String())
}

func TestLimiter_HidesKeysFromRedis(t *testing.T) {
	server := testkit.NewRedis(t)
	limiter := replica(t, server, ratelimit.Quota{Count: 2, Period: time.Hour}, testkit.NewClock(), &testkit.Log{})
	take(t, limiter, "ann@example.com")
	keys := server.Command(t, "KEYS", "*")
	require.Contains(t, keys, "latchkey:limit:login:")
	require.NotContains(t, keys, "ann")
}
