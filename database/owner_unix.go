//go:build unix

package database

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// giveOwner gives the file at partial, which has mode 0600, the owner, group and mode of the file at path. If there is no such
// file, it gives it the owner and group of the folder. The person who restores a database need not be the user that the service
// runs as. If this user may not change the owner of files, or the file system has no owners, the file stays as it is.
func giveOwner(partial, path string) error {
	const private = 0o600
	mode := fs.FileMode(private)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Stat(filepath.Dir(path))
	} else if err == nil {
		mode |= info.Mode().Perm()
	}
	if err != nil {
		return err
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return nil
	}
	err = os.Chown(partial, int(owner.Uid), int(owner.Gid))
	if isRefused(err) {
		return nil // and with the mode another group than before could read it
	}
	if err != nil {
		return fmt.Errorf("giving the database to its owner: %w", err)
	}
	return os.Chmod(partial, mode)
}

// isRefused reports whether a change of the owner failed because this user may not, or nobody can: in a container, an owner from
// outside is no valid one.
func isRefused(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}
