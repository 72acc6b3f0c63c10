package passwords_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"latchkey/passwords"
)

// The kernel's filter can't be removed again, so that the pool starts in a process of its own.
func TestPool_CheckPriority_TellsWhatTheSystemRefused(t *testing.T) {
	t.Parallel()
	const child = "PRIORITY_REFUSED"
	if os.Getenv(child) != "" {
		require.NoError(t, refuseSetpriority())
		pool, err := passwords.NewPool(passwords.Options{Concurrency: 2})
		require.NoError(t, err)
		defer pool.Close()
		fmt.Println("refused:", pool.CheckPriority())
		_, err = pool.Hash(t.Context(), "plum tree by the gate")
		require.NoError(t, err)
		return
	}
	pool, err := passwords.NewPool(passwords.Options{Concurrency: 2})
	require.NoError(t, err)
	defer pool.Close()
	require.NoError(t, pool.CheckPriority())

	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), child+"=1")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "refused: setpriority: operation not permitted")
}

// refuseSetpriority makes setpriority(2) fail with EPERM in every thread of this process (seccomp(2)).
func refuseSetpriority() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the system call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.SYS_SETPRIORITY},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}
