package passwords

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestWorkers_HaveTheLowestPriority(t *testing.T) {
	// The test locks its own thread, so that a worker that were not locked to one would move about.
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

// threadPriority returns the nice value of the thread. The system call returns 20 - nice, to avoid negative numbers.
func threadPriority(t *testing.T) int {
	value, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
	assert.NoError(t, err)
	return 20 - value
}
