package passwords

import (
	"runtime"

	"golang.org/x/sys/unix"
)

const lowestPriority = 19

// lowerPriority ties the goroutine to its thread and makes that thread yield to every other, so that hashing uses only
// the time that requests leave. Where the system forbids it, hashing keeps its priority. So does argon2, which x/crypto
// computes in goroutines of its own: there, what keeps requests fast is a GOMAXPROCS above the number of workers.
func lowerPriority() {
	// Never unlocked: the thread ends with its goroutine and cannot carry the low priority to another.
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), lowestPriority)
}
