package testkit

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Redis is a Redis (or Valkey) server of the test's own, which it can stop and start again.
type Redis struct {
	Addr    string
	URL     string
	program string
	dir     string
	running *exec.Cmd
}

// NewRedis starts a server that ends with the test. With none installed the test skips, or fails under
// TEST_REQUIRE_SERVICES=1.
func NewRedis(t testing.TB) *Redis {
	t.Helper()
	program := Program(t, "redis-server", "valkey-server")
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(Port(t)))
	r := &Redis{Addr: addr, URL: "redis://" + addr, program: program, dir: t.TempDir()}
	r.Start(t)
	t.Cleanup(func() { r.Stop(t) })
	return r
}

// Start starts the server at the same address as before, with no data, and waits until it answers.
func (r *Redis) Start(t testing.TB) {
	t.Helper()
	_, port, err := net.SplitHostPort(r.Addr)
	require.NoError(t, err)
	r.running = exec.Command(r.program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", r.dir)
	require.NoError(t, r.running.Start())
	require.Eventually(t, r.answers, 30*time.Second, 10*time.Millisecond, "Redis does not answer at %s", r.Addr)
}

func (r *Redis) answers() bool {
	conn, err := net.Dial("tcp", r.Addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	_, err = conn.Write([]byte("PING\r\n"))
	answer := make([]byte, len("+PONG"))
	_, readErr := conn.Read(answer)
	return err == nil && readErr == nil && string(answer) == "+PONG"
}

// Stop ends the server as a crash does.
func (r *Redis) Stop(t testing.TB) {
	t.Helper()
	if r.running == nil {
		return
	}
	require.NoError(t, r.running.Process.Kill())
	_ = r.running.Wait()
	r.running = nil
}

// Freeze lets the server accept connections and never answer, until Thaw or Stop.
func (r *Redis) Freeze(t testing.TB) { r.signal(t, syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (r *Redis) Thaw(t testing.TB) { r.signal(t, syscall.SIGCONT) }

func (r *Redis) signal(t testing.TB, signal os.Signal) {
	t.Helper()
	require.NoError(t, r.running.Process.Signal(signal))
}

// Command sends one inline command and gives back the answer as Redis writes it.
func (r *Redis) Command(t testing.TB, words ...string) string {
	t.Helper()
	conn, err := net.Dial("tcp", r.Addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte(strings.Join(append(words, "\r\nQUIT\r\n"), " ")))
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	return strings.TrimSuffix(string(answer), "+OK\r\n")
}
