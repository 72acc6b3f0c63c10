package testkit

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/database"
)

const (
	// Patience is how long a test waits for what another process or goroutine has to do. Only a failing test takes that long.
	Patience = 3 * time.Minute
	// ProgramSecretKey is the SECRET_KEY in every [Environ].
	ProgramSecretKey = "vX2mQ8sLr0TzB5nYk7WdPc4GhJ1aEfU6oIiRtMxZsKw="
	// OtherPassword is another password that the policy accepts.
	OtherPassword = "seven grey herons at dusk"
)

// Environ returns the environment of a program on the database at url, with further settings, which are NAME=value.
func Environ(url string, settings ...string) []string {
	return append([]string{"DATABASE_URL=" + url, "SECRET_KEY=" + ProgramSecretKey}, settings...)
}

// Credentials returns the body of a sign-up or a login with [Password].
func Credentials(email string) string {
	return `{"email":"` + email + `","password":"` + Password + `"}`
}

// Sources is the path of the folder with the program's sources.
var Sources = findSources()

// findSources returns the nearest folder with a go.mod, from the folder of the package under test upwards.
func findSources() string {
	folder, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		if folder == filepath.Dir(folder) {
			panic("no go.mod above the tests")
		}
		folder = filepath.Dir(folder)
	}
}

// Run runs the tests of a package that starts processes, and then removes the program that was built for them. It returns the
// exit code, for TestMain.
func Run(m *testing.M) int {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	return code
}

var built struct {
	once sync.Once
	dir  string
	err  error
}

// Built returns the path of the program, which it builds once for all tests of a package.
func Built(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		//nolint:usetesting // it outlives the test that needs it first; Run removes it
		if built.dir, built.err = os.MkdirTemp("", "latchkey-test-"); built.err == nil {
			built.err = Build(Sources, built.dir)
		}
	})
	require.NoError(t, built.err)
	return filepath.Join(built.dir, "latchkey")
}

// Build builds the program from the folder sources into the folder into, as latchkey. Flags are further ones of go build.
func Build(sources, into string, flags ...string) error {
	flags = append([]string{"build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(into, "latchkey")}, flags...)
	command := exec.Command("go", append(flags, ".")...)
	command.Dir = sources
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

// Screen collects what a terminal or a process shows. It is safe for concurrent use.
type Screen struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write appends to the screen.
func (s *Screen) Write(shown []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(shown)
}

// String returns everything that was shown so far.
func (s *Screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Process is the built program, running in a process and a folder of its own. Ended is closed when it ends.
type Process struct {
	Command *exec.Cmd
	Output  *Screen
	Ended   chan struct{}
}

// Start starts the program, built once for all tests of a package, as [StartProgram] does.
func Start(t *testing.T, environ []string, args ...string) *Process {
	t.Helper()
	return StartProgram(t, Built(t), environ, args...)
}

// StartProgram starts the program at path, which runs until it or the test ends. It fails the test if the program reveals a
// secret.
func StartProgram(t *testing.T, path string, environ []string, args ...string) *Process {
	t.Helper()
	p := &Process{Command: exec.Command(path, args...), Output: &Screen{}, Ended: make(chan struct{})}
	p.Command.Dir, p.Command.Env = t.TempDir(), environ
	p.Command.Stdout, p.Command.Stderr = p.Output, p.Output
	require.NoError(t, p.Command.Start())
	go func() {
		defer close(p.Ended)
		_ = p.Command.Wait()
	}()
	t.Cleanup(func() {
		_ = p.Command.Process.Kill()
		<-p.Ended
		TellsNoSecret(t, environ, p.Output.String())
	})
	return p
}

// Serve starts a server as [FreePort] says.
func Serve(t *testing.T, environ []string) *Process {
	t.Helper()
	return Start(t, FreePort(environ...), "serve")
}

// FreePort returns environ for a server that listens on a free port. Unless environ says otherwise, it has no rate limits, and
// it refuses nothing for being late on a busy machine: neither a login that waits for its hash, nor a retry of a refresh.
func FreePort(environ ...string) []string {
	return append([]string{
		"ADDR=127.0.0.1:0", "PUBLIC_URL=http://localhost:8080", "RATE_LIMITS=off", "PASSWORD_HASH_WAIT=30s",
		"REQUEST_TIMEOUT=2m", "REFRESH_GRACE=10m",
	}, environ...)
}

// Wait waits until the program ends, and returns its exit code.
func (p *Process) Wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.Ended:
	case <-time.After(Patience):
		require.Fail(t, "the program is still running", "%s", p.Output)
	}
	return p.Command.ProcessState.ExitCode()
}

// WaitFor waits until the program has written text.
func (p *Process) WaitFor(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		select {
		case <-p.Ended:
			return true
		default:
			return strings.Contains(p.Output.String(), text)
		}
	}, Patience, 5*time.Millisecond, "waiting for %q", text)
	require.Contains(t, p.Output.String(), text)
}

var listeningAt = regexp.MustCompile(`msg=listening url=http://(\S+)`)

// Addr waits until the program serves, and returns the address that it listens on.
func (p *Process) Addr(t *testing.T) string {
	t.Helper()
	p.WaitFor(t, "msg=listening")
	return listeningAt.FindStringSubmatch(p.Output.String())[1]
}

// TellsNoSecret fails the test if text, which a program wrote, holds a secret of its environment or of the tests, or a token.
func TellsNoSecret(t *testing.T, environ []string, text string) {
	t.Helper()
	RequireNoToken(t, text)
	secrets := []string{Password, OtherPassword, ProgramSecretKey, "$argon2id$"}
	for _, setting := range environ {
		name, value, _ := strings.Cut(setting, "=")
		switch name {
		case "DATABASE_URL":
			if parsed, err := url.Parse(value); err == nil && parsed.User != nil {
				password, _ := parsed.User.Password()
				secrets = append(secrets, password)
			}
		case "SUPERUSER_PASSWORD", "SECRET_KEY", "JWT_SECRET_KEY", "JWT_PRIVATE_KEY":
			secrets = append(secrets, value)
		}
	}
	for _, secret := range secrets {
		if secret != "" && secret != database.Postgres {
			require.NotContains(t, text, secret)
		}
	}
}
