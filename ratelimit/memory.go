package ratelimit

import (
	"context"
	"sync"
	"time"
)

const (
	maxKeys    = 1 << 16 // of one limiter, some 8 MB
	sampleSize = 32      // keys looked at to make room for one
)

// memory keeps theoretical arrival times in this process, of at most so many keys. When it is full, a key makes room whose
// time is over or comes soonest: one that is held back has the latest of all, so that a flood of new keys frees nobody,
// as a least-recently-used cache would.
type memory struct {
	mu    sync.Mutex
	times map[string]int64
	limit int
	now   func() time.Time
}

func newMemory(limit int, now func() time.Time) *memory {
	return &memory{times: map[string]int64{}, limit: limit, now: now}
}

// GetWithTime answers -1 for a key that is not there, and the time.
func (m *memory) GetWithTime(_ context.Context, key string) (int64, time.Time, error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, found := m.times[key]; found && at > now.UnixNano() {
		return at, now, nil
	}
	delete(m.times, key)
	return -1, now, nil
}

// SetIfNotExistsWithTTL adds a key and tells whether it did.
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

// CompareAndSwapWithTTL replaces a value that is still old and tells whether it was.
func (m *memory) CompareAndSwapWithTTL(_ context.Context, key string, old, value int64, _ time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, found := m.times[key]; !found || at != old {
		return false, nil
	}
	m.times[key] = value
	return true, nil
}

// makeRoom looks at some keys, which Go's maps hand out in random order, and forgets those that are over, or else the one
// that is over first.
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
