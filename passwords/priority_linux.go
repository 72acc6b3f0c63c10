package passwords

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

const lowestPriority = 19

// lowerPriority locks the goroutine to its thread and gives that thread the lowest priority, so that hashing uses only the
// time that requests leave. Where the system forbids it, hashing keeps its priority, and the error says why. So do argon2i and
// argon2id with more than one lane, which x/crypto computes on goroutines of its own; a GOMAXPROCS above the number of workers
// keeps requests fast then.
func lowerPriority() error {
	// Never unlocked: the thread ends with its goroutine, so that no other inherits the low priority.
	runtime.LockOSThread()
	return os.NewSyscallError("setpriority", unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), lowestPriority))
}
