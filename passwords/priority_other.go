//go:build !linux

package passwords

// lowerPriority does nothing where threads have no priority of their own to lower.
func lowerPriority() {}
