package torture

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"latchkey/database/scratch"
	"latchkey/testkit"
)

// postgres is a PostgreSQL server that a test can kill, freeze and promote. Unlike the throwaway servers of other tests it keeps
// its promises: it writes to the disk before it acknowledges.
type postgres struct {
	port     int
	password string
	dir      string // data and log
	running  *exec.Cmd
	lifeline io.Closer // the standard input of the keeper
	pid      int       // of the postmaster
	settings []string
	before   []string // the command that runs PostgreSQL's own
}

// newPostgres starts a server with a database called latchkey. Settings are name=value. If PostgreSQL is not installed the test
// is skipped, or fails under TEST_REQUIRE_SERVICES=1.
func newPostgres(t *testing.T, settings ...string) *postgres {
	t.Helper()
	p := &postgres{port: testkit.Port(t), password: rand.Text(), dir: folderForPostgres(t), settings: settings}
	p.create(t)
	return p
}

// create makes the server's files and the database, and leaves the server running. Options are initdb's.
func (p *postgres) create(t *testing.T, options ...string) {
	t.Helper()
	secret := filepath.Join(p.dir, "password")
	require.NoError(t, os.WriteFile(secret, []byte(p.password), 0o600))
	p.give(t, secret)
	p.run(t, "initdb", append([]string{"--pgdata", p.data(), "--username", "postgres", "--pwfile", secret, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync"}, options...)...)
	p.start(t)
	p.query(t, "postgres", "CREATE DATABASE latchkey")
}

// folderForPostgres returns a folder of the user that PostgreSQL runs as, who could not enter that of t.TempDir.
func folderForPostgres(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "latchkey-torture-") //nolint:usetesting // see above
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	(&postgres{}).give(t, dir)
	return dir
}

// unprivileged returns the user that root runs PostgreSQL as, and nil for every other user.
func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	credential, err := scratch.Unprivileged()
	require.NoError(t, err)
	return credential
}

func (p *postgres) data() string { return filepath.Join(p.dir, "data") }

func (p *postgres) give(t *testing.T, path string) {
	t.Helper()
	if credential := unprivileged(t); credential != nil {
		require.NoError(t, os.Chown(path, int(credential.Uid), int(credential.Gid)))
	}
}

// run runs one of PostgreSQL's programs.
func (p *postgres) run(t *testing.T, program string, arguments ...string) {
	t.Helper()
	command := exec.Command(postgresProgram(t, program), arguments...)
	command.Dir = p.dir
	command.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(t)}
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s: %s", program, output)
}

// postgresProgram returns the path of one of PostgreSQL's programs, which Debian keeps out of PATH.
func postgresProgram(t *testing.T, name string) string {
	t.Helper()
	folder, _ := scratch.Binaries() // without one, Program says what is missing
	return testkit.Program(t, filepath.Join(folder, name))
}

// keeper is the shell script that runs a server until the end of its standard input, a pipe from this process, which closes
// however a process ends.
const keeper = `"$@" & echo $!
exec >/dev/null
cat
kill -QUIT $! 2>/dev/null
kill -CONT $! 2>/dev/null
wait`

// start starts the server at the same port as before, and waits until it accepts connections.
func (p *postgres) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer log.Close()
	arguments := append([]string{"-c", keeper, "keeper"}, p.before...)
	arguments = append(arguments, postgresProgram(t, "postgres"), "-D", p.data(), "-p", strconv.Itoa(p.port), "-h", "127.0.0.1", "-k", "")
	for _, setting := range append([]string{"max_connections=200", "shared_buffers=64MB", "lc_messages=C", "log_destination=stderr",
		"logging_collector=off", "hot_standby=on"}, p.settings...) {
		arguments = append(arguments, "-c", setting)
	}
	command := exec.Command("/bin/sh", arguments...)
	command.Dir, command.Stderr = p.dir, log
	command.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(t), Setpgid: true}
	p.lifeline, err = command.StdinPipe()
	require.NoError(t, err)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	p.pid, err = strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	p.running = command
	t.Cleanup(func() { p.kill(t) })
	p.waitUp(t)
}

// waitUp waits until the server answers.
func (p *postgres) waitUp(t *testing.T) {
	t.Helper()
	answers := func() bool {
		conn, err := pgx.Connect(t.Context(), p.url("postgres")+"&connect_timeout=5")
		if err != nil {
			return false
		}
		return conn.Close(t.Context()) == nil
	}
	for began := time.Now(); !answers(); time.Sleep(10 * time.Millisecond) {
		require.Less(t, time.Since(began), testkit.Patience, "PostgreSQL answers: %s", p.log(t))
	}
}

// url returns the URL of a database for the superuser.
func (p *postgres) url(database string) string { return hosts(database, "", p) }

// hosts returns the URL of a database on whichever of several servers has what query demands.
func hosts(database, query string, servers ...*postgres) string {
	var addresses []string
	for _, p := range servers {
		addresses = append(addresses, p.addr())
	}
	return "postgres://" + url.UserPassword("postgres", servers[0].password).String() + "@" + strings.Join(addresses, ",") + "/" + database +
		"?sslmode=disable" + query
}

func (p *postgres) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// urlThrough returns the URL of the database latchkey for clients that connect to another address.
func (p *postgres) urlThrough(address, query string) string {
	return strings.Replace(hosts("latchkey", query, p), p.addr(), address, 1)
}

// query runs a statement in a database, and returns the first column of the first row as text, if there is any.
func (p *postgres) query(t *testing.T, database, statement string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.url(database))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows, err := conn.Query(t.Context(), statement)
	require.NoError(t, err)
	defer rows.Close()
	if rows.Next() {
		values, err := rows.Values()
		require.NoError(t, err)
		if len(values) > 0 {
			text = fmt.Sprint(values[0])
		}
	}
	rows.Close()
	require.NoError(t, rows.Err(), statement)
	return text
}

// processes returns the process ids of the postmaster and its children.
func (p *postgres) processes(t *testing.T) []int {
	t.Helper()
	all := []int{p.pid}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, file := range stats {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // it ended meanwhile
		}
		fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(p.pid) {
			child, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(t, err)
			all = append(all, child)
		}
	}
	return all
}

func (p *postgres) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	for _, pid := range p.processes(t) {
		_ = syscall.Kill(pid, signal) // a child may have ended meanwhile
	}
}

// kill kills the postmaster and every child of it.
func (p *postgres) kill(t *testing.T) {
	t.Helper()
	if p.running == nil {
		return
	}
	_ = syscall.Kill(p.pid, syscall.SIGSTOP) // so that it starts no more children
	p.signal(t, syscall.SIGKILL)
	p.ended()
}

// ended waits for the keeper of a server that ended.
func (p *postgres) ended() {
	_ = p.lifeline.Close()
	_ = p.running.Wait()
	p.running = nil
}

// freeze keeps every process of the server from running until thaw.
func (p *postgres) freeze(t *testing.T) { t.Helper(); p.signal(t, syscall.SIGSTOP) }

// thaw lets a frozen server go on.
func (p *postgres) thaw(t *testing.T) { t.Helper(); p.signal(t, syscall.SIGCONT) }

// log returns what the server logged.
func (p *postgres) log(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(p.dir, "log"))
	require.NoError(t, err)
	return string(content)
}

// amcheck fails the test if a table or an index of the database latchkey is damaged.
func (p *postgres) amcheck(t *testing.T) {
	t.Helper()
	command := exec.Command(postgresProgram(t, "pg_amcheck"), "--install-missing", "--heapallindexed", p.url("latchkey"))
	output, err := command.CombinedOutput()
	require.NoError(t, err, "pg_amcheck: %s", output)
}
