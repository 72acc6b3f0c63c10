package testkit

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Port returns a port of 127.0.0.1 on which nothing listens, and which the kernel gives to no other process until the test ends.
// The test's own servers may listen on it, one after the other, if they set SO_REUSEADDR, as Go's listeners do.
func Port(t testing.TB) int {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(socket) })
	require.NoError(t, syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
	require.NoError(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, err := syscall.Getsockname(socket)
	require.NoError(t, err)
	return bound.(*syscall.SockaddrInet4).Port
}

// inMemory returns a folder whose files are kept in memory, where a commit waits for no disk, and reports whether it exists and
// has room for many databases.
func inMemory() (folder string, hasRoom bool) {
	const room = 1 << 30
	folder = "/dev/shm"
	var system syscall.Statfs_t
	err := syscall.Statfs(folder, &system)
	return folder, err == nil && system.Bavail*uint64(system.Bsize) >= room
}
