//go:build !linux

package database

import "syscall"

// limitUnacknowledged leaves the bound of the system as it is.
func limitUnacknowledged(string, string, syscall.RawConn) error { return nil }
