package ratelimit_test

import (
	"context"
	"log/slog"
	"strconv"
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
		each := quota.Period / time.Duration(10*quota.Count) * 10 // a request takes ten shares
		missing := map[string]time.Duration{}                     // what a key's bucket lacks, as the time until it is full
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
				if rapid.Bool().Draw(t, "gives back") {
					require.NoError(t, limiter.GiveBack(context.Background(), key, decision))
					missing[key] -= each / 10 * 9
				}
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

// Of failures at the same time no more pass than the quota says, whether or not successes give back beside them.
func TestLimiter_SuccessesBesideThemLetNoMoreFailuresPass(t *testing.T) {
	server, clock, log := testkit.NewRedis(t), testkit.NewClock(), &testkit.Log{}
	quota := ratelimit.Quota{Count: 40, Period: 24 * time.Hour}
	alone, err := ratelimit.NewLimiter("login", quota, ratelimit.Counting{Now: clock.Now})
	require.NoError(t, err)
	for store, limiters := range map[string][]*ratelimit.Limiter{
		ratelimit.InMemory: {alone, alone},
		ratelimit.InRedis:  {replica(t, server, quota, clock, log), replica(t, server, quota, clock, log)},
	} {
		var failed, succeeded atomic.Int64
		var group sync.WaitGroup
		for i := range 200 {
			group.Go(func() {
				decision, err := limiters[i%2].Take(context.Background(), "192.0.2.1")
				switch {
				case err != nil || !decision.Allowed || decision.Store != store:
				case i%4 == 0:
					succeeded.Add(1)
					_ = limiters[i%2].GiveBack(context.Background(), "192.0.2.1", decision)
				default:
					failed.Add(1)
				}
			})
		}
		group.Wait()
		require.LessOrEqual(t, 10*failed.Load()+succeeded.Load(), int64(10*quota.Count), store)
		require.Positive(t, failed.Load(), store)
		require.Positive(t, succeeded.Load(), store)
	}
	require.Empty(t, log.String())
}

func TestLimiter_GiveBackLeavesSomethingAndNeverMoreThanTheQuota(t *testing.T) {
	server, clock, log := testkit.NewRedis(t), testkit.NewClock(), &testkit.Log{}
	quota := ratelimit.Quota{Count: 2, Period: 24 * time.Hour}
	memory, err := ratelimit.NewLimiter("login", quota, ratelimit.Counting{Now: clock.Now})
	require.NoError(t, err)
	for _, limiter := range []*ratelimit.Limiter{memory, replica(t, server, quota, clock, log)} {
		passed := 0
		for decision := take(t, limiter, "a"); decision.Allowed; decision = take(t, limiter, "a") {
			passed++
			require.NoError(t, limiter.GiveBack(t.Context(), "a", decision))
		}
		require.Equal(t, 11, passed, "one tenth each, and the last has to fit as a whole")
		decision := take(t, limiter, "b")
		for range 3 {
			require.NoError(t, limiter.GiveBack(t.Context(), "b", decision))
		}
		require.True(t, take(t, limiter, "b").Allowed)
		require.True(t, take(t, limiter, "b").Allowed)
		require.False(t, take(t, limiter, "b").Allowed)
	}
	require.Empty(t, log.String())
}

// A value that the clock of the Redis server stored before it went back counts for nothing.
func TestLimiter_ARedisServerWhoseClockGoesBackFreezesNoKey(t *testing.T) {
	server, clock, log := testkit.NewRedis(t), testkit.NewClock(), &testkit.Log{}
	limiter := replica(t, server, ratelimit.Quota{Count: 5, Period: time.Minute}, clock, log)
	take(t, limiter, "a")
	listed := strings.Fields(server.Command(t, "KEYS", "*"))
	key := listed[len(listed)-1]
	for _, jump := range []time.Duration{3 * time.Minute, time.Hour, 400 * 24 * time.Hour} {
		server.Command(t, "SET", key, strconv.FormatInt(time.Now().Add(jump).UnixNano(), 10), "PX", "3600000")
		decision := take(t, limiter, "a")
		require.True(t, decision.Allowed, jump)
		require.Equal(t, ratelimit.InRedis, decision.Store)
		require.Equal(t, 4, decision.Remaining)
	}
	require.Empty(t, log.String())
}

// A process whose clock goes back while Redis is away asks again all the same.
func TestLimiter_AClockThatGoesBackKeepsNobodyFromRedis(t *testing.T) {
	server, clock, log := testkit.NewRedis(t), testkit.NewClock(), &testkit.Log{}
	limiter := replica(t, server, ratelimit.Quota{Count: 5, Period: time.Hour}, clock, log)
	server.Stop(t)
	require.Equal(t, ratelimit.InMemory, take(t, limiter, "a").Store)
	server.Start(t)
	clock.Advance(-time.Hour)
	require.Equal(t, ratelimit.InRedis, take(t, limiter, "a").Store)
}
