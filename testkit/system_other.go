//go:build !linux

package testkit

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// Port returns a port of 127.0.0.1 on which nothing listens. Nothing keeps other processes from taking it before the test does.
func Port(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().(*net.TCPAddr).Port
}

// inMemory reports that there is no folder in memory.
func inMemory() (folder string, hasRoom bool) { return "", false }
