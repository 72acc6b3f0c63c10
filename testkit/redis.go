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

// Redis is a Redis (or Valkey) server that belongs to one test, which can stop it and start it again.
type Redis struct {
	Addr    string
	URL     string
	program string
	dir     string
	running *exec.Cmd
}

// NewRedis starts a server that ends with the test. If none is installed the test is skipped, or fails under
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

// Start starts the server at the same address as before, without data, and waits until it responds.
func (r *Redis) Start(t testing.TB) {
	t.Helper()
	_, port, err := net.SplitHostPort(r.Addr)
	require.NoError(t, err)
	r.running = exec.Command(r.program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", r.dir)
	require.NoError(t, r.running.Start())
	require.Eventually(t, r.responds, Patience, 10*time.Millisecond, "Redis does not respond at %s", r.Addr)
}

func (r *Redis) responds() bool {
	conn, err := net.Dial("tcp", r.Addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	_, err = conn.Write([]byte("PING\r\n"))
	reply := make([]byte, len("+PONG"))
	_, readErr := conn.Read(reply)
	return err == nil && readErr == nil && string(reply) == "+PONG"
}

// Stop kills the server.
func (r *Redis) Stop(t testing.TB) {
	t.Helper()
	if r.running == nil {
		return
	}
	require.NoError(t, r.running.Process.Kill())
	_ = r.running.Wait()
	r.running = nil
}

// Freeze keeps the server from responding, though connections to it succeed, until Thaw or Stop.
func (r *Redis) Freeze(t testing.TB) { r.signal(t, syscall.SIGSTOP) }

// Thaw lets a frozen server continue.
func (r *Redis) Thaw(t testing.TB) { r.signal(t, syscall.SIGCONT) }

func (r *Redis) signal(t testing.TB, signal os.Signal) {
	t.Helper()
	require.NoError(t, r.running.Process.Signal(signal))
}

// Command sends one inline command, and returns the reply as Redis writes it.
func (r *Redis) Command(t testing.TB, words ...string) string {
	t.Helper()
	conn, err := net.Dial("tcp", r.Addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte(strings.Join(append(words, "\r\nQUIT\r\n"), " ")))
	require.NoError(t, err)
	reply, err := io.ReadAll(conn)
	require.NoError(t, err)
	return strings.TrimSuffix(string(reply), "+OK\r\n")
}
