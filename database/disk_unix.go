//go:build linux || darwin

package database

import "golang.org/x/sys/unix"

// FreeSpace returns how many bytes this user can still write to the file system of a folder. Known is false if the system does
// not tell.
func FreeSpace(folder string) (bytes uint64, known bool) {
	var state unix.Statfs_t
	if err := unix.Statfs(folder, &state); err != nil {
		return 0, false
	}
	return state.Bavail * uint64(state.Bsize), true
}
