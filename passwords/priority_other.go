//go:build !linux

package passwords

// lowerPriority does nothing on systems whose threads have no priority of their own.
func lowerPriority() error { return nil }
