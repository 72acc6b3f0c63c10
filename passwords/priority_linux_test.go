package passwords

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestWorkersHaveTheLowestPriority(t *testing.T) {
	// On a thread of its own, the test makes a worker that is not bound to one move about.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadPriority(t)
	w := startWorkers(2, time.Minute)
	defer w.stop()
	for range 500 {
		var priority int
		require.NoError(t, w.do(t.Context(), func() { priority = threadPriority(t) }))
		require.Equal(t, lowestPriority, priority)
	}
	require.Equal(t, before, threadPriority(t), "the caller's own thread keeps its priority")
}

// threadPriority undoes the system call's way of never returning a negative number: it answers 20 - nice.
func threadPriority(t *testing.T) int {
	value, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
	assert.NoError(t, err)
	return 20 - value
}
