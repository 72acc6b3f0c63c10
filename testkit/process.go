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
	// Patience is how long a test waits for what another process or thread has to do. Only a failure takes so long.
	Patience = 3 * time.Minute
	// ProgramSecretKey is the SECRET_KEY of every Process that Environ is for.
	ProgramSecretKey = "vX2mQ8sLr0TzB5nYk7WdPc4GhJ1aEfU6oIiRtMxZsKw="
	// OtherPassword is another one that the policy accepts.
	OtherPassword = "seven grey herons at dusk"
)

// Environ is the environment of a program on the database at url, with more settings, which are NAME=value.
func Environ(url string, settings ...string) []string {
	return append([]string{"DATABASE_URL=" + url, "SECRET_KEY=" + ProgramSecretKey}, settings...)
}

// Credentials are the body of a sign-up or a login with Password.
func Credentials(email string) string {
	return `{"email":"` + email + `","password":"` + Password + `"}`
}

// Sources is the folder of the program's sources.
var Sources = findSources()

// findSources looks up from the folder of the package under test, in which Go starts its tests.
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

// Run runs the tests of a package that starts processes, and removes the program that was built for them. It returns the exit
// code, for TestMain.
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

// Built is the path of the program, built once for all tests of a package.
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

// Build builds the program of a folder of sources into another folder.
func Build(sources, into string) error {
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(into, "latchkey"), ".")
	command.Dir = sources
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

// Screen is what a terminal shows.
type Screen struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write shows more.
func (s *Screen) Write(shown []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(shown)
}

// String is everything shown so far.
func (s *Screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Process is the built program, running in a process and in a folder of its own.
type Process struct {
	Command *exec.Cmd
	Output  *Screen
	Ended   chan struct{}
}

// Start runs the program, built once for all tests of a package, as StartProgram does.
func Start(t *testing.T, environ []string, args ...string) *Process {
	t.Helper()
	return StartProgram(t, Built(t), environ, args...)
}

// StartProgram runs the program at path until it ends or the test does, and makes sure that it tells no secret.
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

// Serve starts a server on a free port.
func Serve(t *testing.T, environ []string) *Process {
	t.Helper()
	return Start(t, FreePort(environ...), "serve")
}

// FreePort has a server listen on any port, without rate limits unless environ turns them on.
func FreePort(environ ...string) []string {
	return append([]string{"ADDR=127.0.0.1:0", "PUBLIC_URL=http://localhost:8080", "RATE_LIMITS=off"}, environ...)
}

// Wait waits for the end and returns the exit code.
func (p *Process) Wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.Ended:
	case <-time.After(Patience):
		require.Fail(t, "the program still runs", "%s", p.Output)
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

// Addr waits until the program serves and returns where.
func (p *Process) Addr(t *testing.T) string {
	t.Helper()
	p.WaitFor(t, "msg=listening")
	return listeningAt.FindStringSubmatch(p.Output.String())[1]
}

// TellsNoSecret holds what a program wrote against every secret that a test gave to it.
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
