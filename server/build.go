package server

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// A build sets these two with -ldflags '-X latchkey/server.version=1.2.3 -X latchkey/server.commit=…'. The commit is only needed
// where the sources have no repository, as in the Dockerfile.
var (
	version = "0.1.0-dev"
	commit  string
)

// Build is what the running program was built from. Commit is empty if the build did not record it.
type Build struct {
	Version string
	Commit  string // its first 12 hexadecimal digits
	Go      string // the version of Go
}

// ReadBuild returns the build of the running program.
func ReadBuild() Build {
	recorded := cmp.Or(commit, recordedCommit())
	return Build{Version: version, Commit: recorded[:min(12, len(recorded))], Go: runtime.Version()}
}

// recordedCommit returns the commit that the go command recorded, or "".
func recordedCommit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return ""
}
