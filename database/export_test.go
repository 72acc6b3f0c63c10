package database

import "time"

// TryLocks sets how often the migrator tries to get a lock, with next to no pause between two tries.
func (m *Migrator) TryLocks(tries int) {
	m.retries = lockRetries{tries: tries, pause: time.Millisecond}
}
