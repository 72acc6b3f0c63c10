package ratelimit

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A million addresses come, once each. A key that was over its quota before still is afterwards.
func TestMemory_AFloodOfKeysFreesNobodyAndIsBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	store := newMemory(maxKeys, time.Minute, func() time.Time { return now })
	limiter, err := newCounter(store, Quota{Count: 5, Period: time.Minute})
	require.NoError(t, err)
	take := func(key string) bool {
		limited, _, err := limiter.take(t.Context(), key)
		require.NoError(t, err)
		return !limited
	}
	const guessers = 100
	for i := range guessers {
		for take("guesser " + strconv.Itoa(i)) {
		}
	}
	before := heap()
	for i := range 1_000_000 {
		require.True(t, take(strconv.Itoa(i)))
	}
	require.Len(t, store.times, maxKeys)
	require.Less(t, heap()-before, int64(16<<20), "bytes")
	for i := range guessers {
		require.False(t, take("guesser "+strconv.Itoa(i)))
	}
}

func TestMemory_ExpiredKeysMakeRoomFirst(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	store := newMemory(2*sampleSize, time.Minute, func() time.Time { return now })
	add := func(key string, at time.Time) {
		added, err := store.SetIfNotExistsWithTTL(t.Context(), key, at.UnixNano(), time.Minute)
		require.NoError(t, err)
		require.True(t, added)
	}
	for i := range sampleSize {
		add("expired "+strconv.Itoa(i), now.Add(time.Second))
		add("longer "+strconv.Itoa(i), now.Add(time.Minute))
	}
	now = now.Add(2 * time.Second)
	add("one more", now.Add(time.Hour))
	require.Less(t, len(store.times), 2*sampleSize, "more than one expired key was deleted")
	for i := range sampleSize {
		require.Contains(t, store.times, "longer "+strconv.Itoa(i))
	}
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// A clock that was ahead for a while and is right again holds nobody back for longer than two periods.
func TestMemory_AClockThatGoesBackFreezesNoKey(t *testing.T) {
	for _, jump := range []time.Duration{time.Second, time.Minute, time.Hour, 400 * 24 * time.Hour} {
		now := time.Unix(1_800_000_000, 0).Add(jump)
		limiter, err := newCounter(newMemory(maxKeys, time.Minute, func() time.Time { return now }), Quota{Count: 5, Period: time.Minute})
		require.NoError(t, err)
		take := func() bool {
			limited, _, err := limiter.take(t.Context(), "ann")
			require.NoError(t, err)
			return !limited
		}
		for take() {
		}
		now = now.Add(-jump)
		for range 5 {
			take()
		}
		now = now.Add(2 * time.Minute)
		require.True(t, take(), jump)
	}
}
