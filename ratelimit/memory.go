package ratelimit

import (
	"context"
	"sync"
	"time"
)

const (
	maxKeys    = 1 << 16 // per limiter, about 8 MB
	sampleSize = 32      // keys examined to make room for one
)

// memory keeps the theoretical arrival times of at most limit keys in this process. When it is full, it drops a key whose time
// has passed or is the next to pass. A key over its quota has the latest time of all, so that a flood of new keys frees none, as
// it would in a least-recently-used cache.
type memory struct {
	mu    sync.Mutex
	times map[string]int64
	limit int
	ahead time.Duration
	now   func() time.Time
}

// newMemory returns a memory for the times of a quota of this period. A time that is two periods ahead or more was stored before
// the clock went back, and counts for nothing: otherwise the key would be held back until the clock has caught up.
func newMemory(limit int, period time.Duration, now func() time.Time) *memory {
	return &memory{times: map[string]int64{}, limit: limit, ahead: 2 * period, now: now}
}

// GetWithTime returns the value of a key, or -1 if there is none, and the time.
func (m *memory) GetWithTime(_ context.Context, key string) (int64, time.Time, error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, found := m.times[key]; found && at > now.UnixNano() && at < now.Add(m.ahead).UnixNano() {
		return at, now, nil
	}
	delete(m.times, key)
	return -1, now, nil
}

// SetIfNotExistsWithTTL adds a key unless it exists, and reports whether it did.
func (m *memory) SetIfNotExistsWithTTL(_ context.Context, key string, value int64, _ time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, found := m.times[key]; found {
		return false, nil
	}
	if len(m.times) >= m.limit {
		m.makeRoom()
	}
	m.times[key] = value
	return true, nil
}

// CompareAndSwapWithTTL replaces the value of a key if it is still old, and reports whether it was.
func (m *memory) CompareAndSwapWithTTL(_ context.Context, key string, old, value int64, _ time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, found := m.times[key]; !found || at != old {
		return false, nil
	}
	m.times[key] = value
	return true, nil
}

// makeRoom examines some keys, which Go's maps return in random order, and deletes those whose time has passed or, if there are
// none, the one whose time passes first.
func (m *memory) makeRoom() {
	now := m.now().UnixNano()
	var soonest string
	seen, soonestAt := 0, int64(-1)
	for key, at := range m.times {
		if at <= now {
			delete(m.times, key)
		}
		if soonestAt < 0 || at < soonestAt {
			soonest, soonestAt = key, at
		}
		if seen++; seen == sampleSize {
			break
		}
	}
	delete(m.times, soonest)
}
