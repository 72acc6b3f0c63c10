package server_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestRateLimits_ThreeReplicasLetExactlyTheLimitPass(t *testing.T) {
	t.Parallel()
	redis := testkit.NewRedis(t)
	testkit.EachURL(t, func(t *testing.T, url string) {
		redis.Command(t, "FLUSHALL")
		// With a shorter timeout, a busy machine would be taken for a Redis that is down.
		addresses := replicas(t, url, 3, "RATE_LIMITS=on", "REDIS_URL="+redis.URL, "REDIS_TIMEOUT=10s",
			"RATE_LIMIT_REFRESH=70/24h")
		statuses := make([]int, 300)
		var group sync.WaitGroup
		for i := range statuses {
			group.Go(func() {
				statuses[i], _, _ = testkit.Ask(context.Background(), addresses[i%3], "token/refresh", "", testkit.Refreshing("lkr_of_nobody"))
			})
		}
		group.Wait()
		counts := map[int]int{}
		for _, status := range statuses {
			counts[status]++
		}
		require.Equal(t, map[int]int{http.StatusUnauthorized: 70, http.StatusTooManyRequests: 230}, counts)
	})
}

func TestRateLimits_WithoutRedisAServerCountsForItself(t *testing.T) {
	t.Parallel()
	redis := testkit.NewRedis(t)
	server := testkit.Serve(t, testkit.Environ("sqlite:test.db", "RATE_LIMITS=on", "REDIS_URL="+redis.URL, "REDIS_TIMEOUT=10s",
		"RATE_LIMIT_LOGIN=2/1h", "METRICS_ADDR=127.0.0.1:0"))
	address := server.Addr(t)
	login := func() int { return post(t, address, "login", ann).StatusCode }
	require.Equal(t, http.StatusUnauthorized, login())
	require.Contains(t, metrics(t, server), "latchkey_rate_limit_redis_up 1")
	require.Contains(t, metrics(t, server), `outcome="allowed",store="redis"`)

	redis.Stop(t)
	require.Equal(t, http.StatusUnauthorized, login())
	require.Equal(t, http.StatusUnauthorized, login())
	require.Equal(t, http.StatusTooManyRequests, login())
	server.WaitFor(t, "Redis does not answer")
	require.Equal(t, 1, strings.Count(server.Output.String(), "Redis does not answer"))
	require.Contains(t, metrics(t, server), "latchkey_rate_limit_redis_up 0")
	require.Contains(t, metrics(t, server), `by="address",limit="login",outcome="limited",store="memory"} 1`)

	redis.Start(t)
	require.Eventually(t, func() bool {
		login()
		return strings.Contains(server.Output.String(), "Redis answers again")
	}, testkit.Patience, testkit.Patience/100)
	require.Contains(t, metrics(t, server), "latchkey_rate_limit_redis_up 1")
}
