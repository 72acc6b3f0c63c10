package testkit

import (
	"fmt"
	"latchkey/database/scratch"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// PgBouncer starts a connection pooler before the PostgreSQL database at databaseURL, with a pool of few connections in the given
// pool_mode, and returns the URL of the database behind it. It ends with the test. If none is installed the test is skipped, or
// fails under TEST_REQUIRE_SERVICES=1.
func PgBouncer(t testing.TB, databaseURL, mode string) string {
	t.Helper()
	program := Program(t, "pgbouncer", "/usr/sbin/pgbouncer")
	behind, err := url.Parse(databaseURL)
	require.NoError(t, err)
	password, _ := behind.User.Password()
	port := Port(t)
	folder, err := os.MkdirTemp("", "latchkey-pgbouncer-") //nolint:usetesting // it does not run as root, and can't read t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o755))
	config := filepath.Join(folder, "pgbouncer.ini")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `[databases]
* = host=%s port=%s user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = %s
default_pool_size = 4
ignore_startup_parameters = lock_timeout,statement_timeout,idle_in_transaction_session_timeout,synchronous_commit
`, behind.Hostname(), behind.Port(), behind.User.Username(), password, port, mode), 0o644))
	runPgBouncer(t, program, config)
	behind.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", behind.Host)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, Patience, 10*time.Millisecond, "PgBouncer does not listen")
	return behind.String()
}

func runPgBouncer(t testing.TB, program, config string) {
	t.Helper()
	command := exec.Command(program, "--quiet", config)
	output := &Screen{}
	command.Stdout, command.Stderr = output, output
	credential, err := scratch.Unprivileged() // it refuses to run as root
	require.NoError(t, err)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Log(output)
		}
	})
}
