package torture

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

// replica is the built program, serving at an address that stays when it is started again.
type replica struct {
	addr    string
	metrics string // the address of its metrics
	program string
	environ []string
	process *testkit.Process
}

// newReplica starts the program on the database at url, and waits until it is ready. Settings are NAME=value. Hashes cost next to
// nothing, because the rows are about everything else.
func newReplica(t *testing.T, url string, settings ...string) *replica {
	t.Helper()
	r := prepare(t, testkit.Built(t), url, settings...)
	r.start(t)
	return r
}

// prepare returns a replica that was not started yet.
func prepare(t *testing.T, program, url string, settings ...string) *replica {
	t.Helper()
	at := func() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(testkit.Port(t))) }
	r := &replica{addr: at(), metrics: at(), program: program}
	r.environ = testkit.FreePort(testkit.Environ(url, append([]string{
		"ADDR=" + r.addr, "METRICS_ADDR=" + r.metrics, "AUTO_MIGRATE=true", "PASSWORD_ARGON2_MEMORY=8", "PASSWORD_ARGON2_TIME=1",
		"JWT_EXPIRATION_DELTA=12h", "REQUEST_TIMEOUT=" + requestTimeout,
	}, settings...)...)...)
	return r
}

// start starts the program, and waits until it is ready.
func (r *replica) start(t *testing.T) {
	t.Helper()
	process := testkit.StartProgram(t, r.program, r.environ, "serve")
	r.process = process
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(complaints(process.Output.String()))
		}
	})
	r.process.Addr(t)
	r.waitReady(t)
}

// complaints returns the first lines of a log that tell of failures.
func complaints(log string) string {
	var lines []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "level=ERROR") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[:min(len(lines), 20)], "")
}

// waitReady waits until the replica is ready, and returns how long that took.
func (r *replica) waitReady(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	for !r.isReady() {
		select {
		case <-r.process.Ended:
			require.Fail(t, "the program ended", "%s", r.process.Output)
		default:
		}
		require.Less(t, time.Since(began), testkit.Patience, "the replica is ready:\n%s", r.process.Output)
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

func (r *replica) isReady() bool { return probe(r.addr, "/readyz", hangs) == http.StatusOK }

// probe returns the status of a GET, or 0 if none came within a time.
func probe(address, path string, within time.Duration) int {
	client := http.Client{Timeout: within}
	response, err := client.Get("http://" + address + path)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// kill ends the program as the kernel does when it runs out of memory.
func (r *replica) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, r.process.Command.Process.Kill())
	r.process.Wait(t)
}

// stop asks the program to end, and returns its exit code.
func (r *replica) stop(t *testing.T) int {
	t.Helper()
	require.NoError(t, r.process.Command.Process.Signal(syscall.SIGTERM))
	return r.process.Wait(t)
}

// requireAlive fails the test if the program ended.
func (r *replica) requireAlive(t *testing.T) {
	t.Helper()
	select {
	case <-r.process.Ended:
		require.Fail(t, "the program ended", "%s", r.process.Output)
	default:
	}
	require.Equal(t, http.StatusOK, probe(r.addr, "/healthz", hangs))
}

// vitals are what a process uses.
type vitals struct {
	goroutines, descriptors, megabytes int
}

var (
	goroutines = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)
	digits     = regexp.MustCompile(`(\d+)`)
	resident   = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB`)
)

// vitals returns what the replica uses now. It needs Linux.
func (r *replica) vitals(t *testing.T) (v vitals) {
	t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(r.process.Command.Process.Pid))
	open, err := os.ReadDir(filepath.Join(proc, "fd"))
	require.NoError(t, err)
	v.descriptors = len(open)
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	require.NoError(t, err)
	v.megabytes = number(t, resident, string(status)) / 1024
	v.goroutines = number(t, goroutines, get(t, "http://"+r.metrics+"/metrics"))
	return v
}

func number(t *testing.T, pattern *regexp.Regexp, text string) int {
	t.Helper()
	match := pattern.FindStringSubmatch(text)
	require.NotNil(t, match, "%s", pattern)
	value, err := strconv.Atoi(match[1])
	require.NoError(t, err)
	return value
}

// get returns the body of a page.
func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

// kindOf returns the kind of the database at url.
func kindOf(url string) string {
	if strings.HasPrefix(url, database.SQLite+":") {
		return database.SQLite
	}
	return database.Postgres
}
