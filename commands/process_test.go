package commands_test

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

// bound is how long a test waits for what another process or thread has to do. Only a failure takes so long.
const bound = 30 * time.Second

// root is the folder of the sources.
var root string

// TestMain finds the sources and, in the end, removes the program that was built from them. Tests run in an empty folder that
// they share; a command that left a file there fails them all.
func TestMain(m *testing.M) {
	here, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	root = filepath.Dir(here)
	empty, err := os.MkdirTemp("", "latchkey-test-")
	if err != nil {
		panic(err)
	}
	if err := os.Chdir(empty); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := os.Remove(empty); err != nil {
		fmt.Fprintln(os.Stderr, "a command left a file in the folder it ran in:", err)
		code = 1
	}
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

var built struct {
	once sync.Once
	dir  string
	err  error
}

// program is the path of the program, built once for all tests.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		//nolint:usetesting // it outlives the test that needs it first; TestMain removes it
		if built.dir, built.err = os.MkdirTemp("", "latchkey-test-"); built.err == nil {
			built.err = build(root, built.dir)
		}
	})
	require.NoError(t, built.err)
	return filepath.Join(built.dir, "latchkey")
}

func build(sources, into string) error {
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(into, "latchkey"), ".")
	command.Dir = sources
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

// screen is what a terminal shows.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write shows more.
func (s *screen) Write(shown []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(shown)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// process is the program, running in a process and in a folder of its own.
type process struct {
	command *exec.Cmd
	environ []string
	output  *screen
	ended   chan struct{}
}

// start runs the program until it ends, or the test does.
func start(t *testing.T, program string, environ []string, args ...string) *process {
	t.Helper()
	p := &process{command: exec.Command(program, args...), environ: environ, output: &screen{}, ended: make(chan struct{})}
	p.command.Dir, p.command.Env = t.TempDir(), environ
	p.command.Stdout, p.command.Stderr = p.output, p.output
	require.NoError(t, p.command.Start())
	go func() {
		defer close(p.ended)
		_ = p.command.Wait()
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		<-p.ended
		tellsNoSecret(t, environ, p.output.String())
	})
	return p
}

// wait waits for the end and gives back the exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(bound):
		require.Fail(t, "the program still runs", "%s", p.output)
	}
	return p.command.ProcessState.ExitCode()
}

// waitFor waits until the program has written text.
func (p *process) waitFor(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return strings.Contains(p.output.String(), text)
		}
	}, bound, 5*time.Millisecond, "waiting for %q", text)
	require.Contains(t, p.output.String(), text)
}

var listeningAt = regexp.MustCompile(`msg=listening url=http://(\S+)`)

// addr waits until the program serves and gives back where.
func (p *process) addr(t *testing.T) string {
	t.Helper()
	p.waitFor(t, "msg=listening")
	return listeningAt.FindStringSubmatch(p.output.String())[1]
}

// freePort has a server listen on any port, without rate limits unless environ turns them on.
func freePort(environ ...string) []string {
	return append([]string{"ADDR=127.0.0.1:0", "PUBLIC_URL=http://localhost:8080", "RATE_LIMITS=off"}, environ...)
}

// serve starts a server on a free port.
func serve(t *testing.T, environ []string) *process {
	t.Helper()
	return start(t, program(t), freePort(environ...), "serve")
}

func TestServeInAnEmptyFolder(t *testing.T) {
	t.Parallel()
	server := start(t, program(t), freePort())
	address := server.addr(t)
	answer := post(t, address, "signup", ann)
	require.Equal(t, http.StatusCreated, answer.StatusCode)
	require.NoError(t, server.command.Process.Signal(syscall.SIGTERM))
	require.Zero(t, server.wait(t), "%s", server.output)
	key, err := os.Stat(filepath.Join(server.command.Dir, "latchkey.db.secret"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), key.Mode().Perm())
	require.Contains(t, server.output.String(), "made a secret key in latchkey.db.secret")
}

func post(t *testing.T, address, path, email string) *http.Response {
	t.Helper()
	body := strings.NewReader(credentials(email))
	answer, err := http.Post("http://"+address+"/api/v1/"+path, "application/json", body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer
}

func credentials(email string) string {
	return `{"email":"` + email + `","password":"` + testkit.Password + `"}`
}

func TestSIGTERMDrainsARequestUnderWay(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		server := serve(t, with(url, "AUTO_MIGRATE=true"))
		address := server.addr(t)
		require.Equal(t, http.StatusCreated, post(t, address, "signup", ann).StatusCode)
		connection, answers := beginLogin(t, address)
		require.NoError(t, server.command.Process.Signal(syscall.SIGTERM))
		require.Eventually(t, func() bool { return refuses(address) }, bound, 5*time.Millisecond, "new connections are refused")
		_, err := io.WriteString(connection, credentials(ann)[20:])
		require.NoError(t, err)
		answer, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Zero(t, server.wait(t), "%s", server.output)
	})
}

func TestDrainingHasABound(t *testing.T) {
	t.Parallel()
	server := serve(t, with("sqlite:test.db", "SHUTDOWN_TIMEOUT=1s"))
	beginLogin(t, server.addr(t))
	require.NoError(t, server.command.Process.Signal(syscall.SIGTERM))
	require.Equal(t, 1, server.wait(t))
	require.Contains(t, server.output.String(), "requests were still under way after 1s")
}

// beginLogin sends the first half of a login and waits until the handler reads it: only then does a server ask for the
// rest with 100 Continue.
func beginLogin(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, connection.SetDeadline(time.Now().Add(bound)))
	body := credentials(ann)
	_, err = fmt.Fprintf(connection, "POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	require.NoError(t, err)
	answers := bufio.NewReader(connection)
	answer, err := http.ReadResponse(answers, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusContinue, answer.StatusCode)
	_, err = io.WriteString(connection, body[:20])
	require.NoError(t, err)
	return connection, answers
}

func refuses(address string) bool {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return true
	}
	_ = connection.Close()
	return false
}

func TestASecondServerOnThePortSaysWhichSettingToChange(t *testing.T) {
	t.Parallel()
	address := serve(t, with("sqlite:test.db")).addr(t)
	second := start(t, program(t), with("sqlite:test.db", "ADDR="+address), "serve")
	require.Equal(t, 1, second.wait(t))
	require.Contains(t, second.output.String(), "latchkey: listen at ADDR "+address)
	require.Contains(t, second.output.String(), "address already in use")
}

func TestTwoServersMayStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		environ := with(url, "AUTO_MIGRATE=true")
		first, second := serve(t, environ), serve(t, environ)
		require.NotEqual(t, first.addr(t), second.addr(t))
		require.Equal(t, http.StatusCreated, post(t, first.addr(t), "signup", ann).StatusCode)
		require.Equal(t, http.StatusOK, post(t, second.addr(t), "login", ann).StatusCode)

		db, err := database.Open(url, database.Options{})
		require.NoError(t, err)
		defer database.Close(db)
		var twice sql.NullInt64
		require.NoError(t, db.Raw("SELECT version_id FROM goose_db_version GROUP BY version_id HAVING count(*) > 1").Scan(&twice).Error)
		require.False(t, twice.Valid, "migration %d is applied twice", twice.Int64)
	})
}

func TestServeRefuses(t *testing.T) {
	t.Parallel()
	const makeOne = "Make one with: openssl rand -base64 48"
	for name, c := range map[string]struct {
		environ []string
		says    []string
	}{
		"JWT_VERIFY=false":            {with("sqlite:test.db", "JWT_VERIFY=false"), []string{"JWT_VERIFY is false", "Remove it."}},
		"JWT_VERIFY_EXPIRATION=false": {with("sqlite:test.db", "JWT_VERIFY_EXPIRATION=false"), []string{"JWT_VERIFY_EXPIRATION is false"}},
		"production without a secret key": {
			[]string{"APP_ENV=production", "PUBLIC_URL=https://auth.example.com"},
			[]string{"SECRET_KEY is required in production", makeOne},
		},
		"production without a mail server": {
			with("sqlite:test.db", "APP_ENV=production", "PUBLIC_URL=https://auth.example.com"),
			[]string{"SMTP_URL is required in production", "or none to send no mail at all"},
		},
		"templates that don't fit": {with("sqlite:test.db", "MAIL_TEMPLATES_DIR=missing"), []string{"the templates in missing: "}},
		"PostgreSQL without a secret key": {
			[]string{"DATABASE_URL=postgres://latchkey:plum-stone@127.0.0.1:1/latchkey"}, []string{"SECRET_KEY is required with PostgreSQL", makeOne},
		},
		"an unreachable database": {
			with("postgres://latchkey:plum-stone@127.0.0.1:1/latchkey"), []string{"latchkey: "},
		},
		"a short secret key": {[]string{"SECRET_KEY=plum-stone"}, []string{"SECRET_KEY has 10 bytes and needs at least 32"}},
		"every fault at once": {
			[]string{"JWT_LEEWAY=1h", "JWT_VERIFY=false", "SECRET_KEY=plum-stone"},
			[]string{"the settings have 3 errors", "JWT_LEEWAY is", "JWT_VERIFY is", "SECRET_KEY has"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, c.environ)
			require.Equal(t, 1, server.wait(t), "%s", server.output)
			for _, says := range c.says {
				require.Contains(t, server.output.String(), says)
			}
			require.NotContains(t, server.output.String(), "plum-stone")
			require.NotContains(t, server.output.String(), "listening")
			require.NoFileExists(t, filepath.Join(server.command.Dir, "latchkey.db"))
		})
	}
}

func TestServeRefusesAStaleSchemaUntilItIsMigrated(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		environ := with(url, "AUTO_MIGRATE=false")
		stale := serve(t, environ)
		require.Equal(t, 1, stale.wait(t), "%s", stale.output)
		require.Contains(t, stale.output.String(), "the database schema is out of date")
		require.Contains(t, stale.output.String(), "latchkey migrate up")
		require.Zero(t, run(t, environ, "migrate", "up").code)
		serve(t, environ).addr(t)
	})
}

func TestPostgresIsMigratedByServeOnlyWhenAskedTo(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		server := serve(t, with(url))
		if strings.HasPrefix(url, "sqlite:") {
			server.addr(t)
			return
		}
		require.Equal(t, 1, server.wait(t))
		require.Contains(t, server.output.String(), "latchkey migrate up")
		serve(t, with(url, "AUTO_MIGRATE=true")).addr(t)
	})
}
