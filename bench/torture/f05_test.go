//go:build torture

package torture

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// Redis, where the rate limits are counted, is killed, freezes or forgets everything. Guesses at a password stay limited, and
// logins take hardly longer.
func TestF5_WithoutRedisGuessesStayLimited(t *testing.T) {
	const limit = 10 // a minute
	for _, fault := range []struct {
		name string
		hit  func(t *testing.T, redis *testkit.Redis)
	}{
		{"killed", func(t *testing.T, redis *testkit.Redis) { redis.Stop(t) }},
		{"frozen", func(t *testing.T, redis *testkit.Redis) { redis.Freeze(t); t.Cleanup(func() { redis.Thaw(t) }) }},
		{"FLUSHALL", func(t *testing.T, redis *testkit.Redis) { redis.Command(t, "FLUSHALL") }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			redis := testkit.NewRedis(t)
			server := newPostgres(t)
			service := newReplica(t, server.url("latchkey"), "REDIS_URL="+redis.URL, "RATE_LIMITS=on",
				fmt.Sprintf("RATE_LIMIT_LOGIN_ACCOUNT=%d/1m", limit), "RATE_LIMIT_LOGIN=100000/1m", "RATE_LIMIT_SIGNUP=100000/1m",
				"RATE_LIMIT_SIGNUP_ACCOUNT=100000/1m")
			began := time.Now()
			for i := range 200 {
				require.Equal(t, http.StatusCreated, ask(service.addr, http.MethodPost, "signup", "", testkit.Credentials(address(i))).status)
			}
			before := logins(t, service.addr, 1, 100)
			evaluated := guesses(t, service.addr)
			fault.hit(t, redis)
			evaluated += guesses(t, service.addr)
			during := logins(t, service.addr, 101, 199)
			allowed := 2*limit + int(time.Since(began).Minutes()*limit) + 1
			require.LessOrEqual(t, evaluated, allowed)
			within(t, percentile(before, 50)+100*time.Millisecond, percentile(during, 50), "the median login")
			within(t, percentile(before, 99)+200*time.Millisecond, percentile(during, 99), "p99 of logins")
			summarize(t, fmt.Sprintf("F5 Redis %s: %d of 60 guesses at one account were evaluated (at most %d), login p50 %v before, %v during, p99 %v and %v",
				fault.name, evaluated, allowed, percentile(before, 50).Round(time.Millisecond), percentile(during, 50).Round(time.Millisecond),
				percentile(before, 99).Round(time.Millisecond), percentile(during, 99).Round(time.Millisecond)))
		})
	}
}

func address(i int) string { return fmt.Sprintf("redis%d@example.com", i) }

// guesses sends 30 wrong passwords for one account, and returns how many were not refused by a limit.
func guesses(t *testing.T, at string) (evaluated int) {
	t.Helper()
	for range 30 {
		got := ask(at, http.MethodPost, "login", "", fmt.Sprintf(`{"email":%q,"password":"a wrong one"}`, address(0)))
		if got.status != http.StatusTooManyRequests {
			require.Equal(t, http.StatusUnauthorized, got.status, got.code)
			evaluated++
		}
	}
	return evaluated
}

// logins logs in to each of some accounts once, 50 times a second, and returns how long each login took.
func logins(t *testing.T, at string, from, to int) (took []time.Duration) {
	t.Helper()
	for i := from; i <= to; i++ {
		time.Sleep(20 * time.Millisecond)
		got := ask(at, http.MethodPost, "login", "", testkit.Credentials(address(i)))
		require.Equal(t, http.StatusOK, got.status, got.code)
		took = append(took, got.took)
	}
	return took
}
