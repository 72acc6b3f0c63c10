//go:build torture

package torture

import (
	"net"
	"net/http"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// patient returns a client that waits for a response for a time.
func patient(d time.Duration) *http.Client {
	return &http.Client{Timeout: d, Transport: &http.Transport{DisableKeepAlives: true}}
}

// impatient signs up and hangs up after a time, response or not.
func impatient(t *testing.T, address, email string, after time.Duration) {
	t.Helper()
	requester{patient(after), address, time.Now()}.send(http.MethodPost, "signup", "", testkit.Credentials(email))
}

// startBeside starts a program, as the user that PostgreSQL runs as, which ends with the test.
func startBeside(t *testing.T, program string, arguments ...string) *exec.Cmd {
	t.Helper()
	command := exec.Command(program, arguments...)
	output := &testkit.Screen{}
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(t)}
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Log(output)
		}
	})
	return command
}

// waitListening waits until something listens at an address.
func waitListening(t *testing.T, address string) {
	t.Helper()
	require.Eventually(t, func() bool {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	}, testkit.Patience, 10*time.Millisecond, "something listens at %s", address)
}
