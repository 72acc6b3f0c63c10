//go:build unix

package scratch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// installation is the folder of PostgreSQL's programs and the folder of one server's files.
type installation struct {
	binaries string
	dir      string
}

// initialize creates the server's files. initdb refuses to run as root, so for root it runs as the user postgres.
func (i installation) initialize(ctx context.Context, password string) error {
	secret := filepath.Join(i.dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	credential, err := Unprivileged()
	if err != nil {
		return err
	}
	if credential != nil {
		for _, path := range []string{i.dir, secret} {
			if err := os.Chown(path, int(credential.Uid), int(credential.Gid)); err != nil {
				return err
			}
		}
	}
	command := exec.CommandContext(ctx, filepath.Join(i.binaries, "initdb"), "--pgdata", filepath.Join(i.dir, "data"),
		"--username", superuser, "--pwfile", secret, "--auth", "password", "--encoding", "UTF8", "--locale", "C",
		"--no-sync")
	command.Dir = i.dir
	command.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return os.Remove(secret)
}

// Unprivileged returns the user that root runs the server as, and nil for every other user.
func Unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL's server does not run as root, and the user postgres can't be found: %w", err)
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// keeper is the shell script that runs the server: it waits for the end of its standard input, a pipe from this process, and
// then stops the server and removes its files. A pipe closes however a process ends, by SIGKILL too.
const keeper = `"$1" -D "$2/data" -p "$3" -h 127.0.0.1 -k "" -c max_connections=200 -c shared_buffers=32MB \
	-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c lc_messages=C -c log_destination=stderr \
	-c logging_collector=off &
exec 2>/dev/null
cat
kill -QUIT $!
wait
rm -rf "$2"`

// server is a running keeper with its server.
type server struct {
	keeper   *exec.Cmd
	lifeline io.Closer
	ended    chan struct{} // closed when the server has closed its log
}

// serve starts the server and returns when it accepts connections.
func (i installation) serve(ctx context.Context, port int) (*server, error) {
	credential, err := Unprivileged()
	if err != nil {
		return nil, err
	}
	command := exec.Command("/bin/sh", "-c", keeper, "keeper",
		filepath.Join(i.binaries, "postgres"), i.dir, strconv.Itoa(port))
	command.Dir = i.dir
	// A process group of its own: Ctrl-C in the terminal must not reach the keeper, which has to outlive this process.
	command.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Setpgid: true}
	lifeline, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	log, err := command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &server{keeper: command, lifeline: lifeline, ended: make(chan struct{})}
	ready := make(chan error, 1)
	go s.read(log, ready)
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// read reads the server's log to its end. It sends nil to ready once the server accepts connections, or an error if it ends
// before.
func (s *server) read(log io.Reader, ready chan<- error) {
	defer close(s.ended)
	var early []string
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "ready to accept connections") {
			ready <- nil
			_, _ = io.Copy(io.Discard, log)
			return
		}
		early = append(early, lines.Text())
	}
	ready <- fmt.Errorf("the server ended: %s", strings.Join(early, "; "))
}

func (s *server) stop() error {
	if err := s.lifeline.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	<-s.ended
	return s.keeper.Wait()
}
