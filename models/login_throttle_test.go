package models

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestLoginThrottle_delay_DoublesUpToTheLongest(t *testing.T) {
	t.Parallel()
	want := map[int]time.Duration{
		0: 0, FreeFailures - 1: 0, FreeFailures: time.Minute, FreeFailures + 1: 2 * time.Minute, FreeFailures + 2: 4 * time.Minute,
		FreeFailures + 5: 32 * time.Minute, FreeFailures + 6: time.Hour, FreeFailures + 7: time.Hour, 1_000_000: time.Hour,
	}
	for failures, wait := range want {
		require.Equal(t, wait, delay(failures), failures)
	}
}

func TestLoginThrottle_afterFailure_CountsUntilFailuresAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	throttle := *newThrottle(uuid.New(), uuid.Nil, now)
	for range FreeFailures {
		require.False(t, throttle.locked(now))
		require.False(t, throttle.locked(now.Add(-time.Second)), "on a replica whose clock is behind")
		throttle = throttle.afterFailure(now)
	}
	require.True(t, throttle.locked(now.Add(FirstDelay-time.Nanosecond)))
	require.False(t, throttle.locked(now.Add(FirstDelay)))
	require.Equal(t, FreeFailures+1, throttle.afterFailure(now.Add(FailureMemory-time.Nanosecond)).Failures)
	require.Equal(t, 1, throttle.afterFailure(now.Add(FailureMemory)).Failures)
}

func TestLoginThrottle_accountOf_SharesFewIDsAmongUnknownEmails(t *testing.T) {
	t.Parallel()
	user := &User{ID: uuid.New()}
	require.Equal(t, user.ID, accountOf(user, "ann@example.com"))
	ids := map[uuid.UUID]bool{}
	for range 5000 {
		email := uuid.NewString() + "@example.com"
		id := accountOf(&User{}, email)
		require.Equal(t, id, accountOf(&User{}, email), "the same each time")
		require.Zero(t, id.Version(), "not an id that an account can have")
		ids[id] = true
	}
	require.LessOrEqual(t, len(ids), unknownBuckets)
	require.Greater(t, len(ids), unknownBuckets/2)
}
