//go:build !windows

package database

import "os"

// syncFolder flushes the names of a folder to disk, so that a renamed file keeps its name through a loss of power.
func syncFolder(path string) error { return syncPath(path, os.O_RDONLY) }
