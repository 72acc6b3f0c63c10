// Package scratch owns throwaway PostgreSQL servers, started from the installed binaries for tests and for comparing
// schemas. A server listens on the loopback interface and has a random password. It ends, and its files are removed, with
// Close or with the process that started it, however that ends.
package scratch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

var (
	// ErrNotInstalled is returned if PostgreSQL's server binaries can't be found.
	ErrNotInstalled = errors.New("PostgreSQL's server programs (initdb and postgres) are not installed; " +
		"install PostgreSQL, for example with apt install postgresql or brew install postgresql")
	// ErrUnsupported is returned on systems other than Unix.
	ErrUnsupported = errors.New("a scratch PostgreSQL server can't be started on this system")
)

const superuser = "postgres"

// Cluster is a running throwaway server.
type Cluster struct {
	port     int
	password string
	server   *server
}

// Start creates and starts a server, in about half a second. It accepts connections when Start returns. ctx limits the start
// only: its end does not stop the server.
func Start(ctx context.Context) (*Cluster, error) {
	binaries, err := Binaries()
	if err != nil {
		return nil, err
	}
	const attempts = 5 // another process may take the free port before the server listens on it
	for range attempts {
		var cluster *Cluster
		if cluster, err = start(ctx, binaries); err == nil || ctx.Err() != nil || errors.Is(err, ErrUnsupported) {
			return cluster, err
		}
	}
	return nil, err
}

func start(ctx context.Context, binaries string) (*Cluster, error) {
	port, err := freePort()
	if err != nil {
		return nil, fmt.Errorf("starting a scratch PostgreSQL server: %w", err)
	}
	dir, err := os.MkdirTemp("", "latchkey-postgres-")
	if err != nil {
		return nil, fmt.Errorf("starting a scratch PostgreSQL server: %w", err)
	}
	cluster := &Cluster{port: port, password: rand.Text()}
	installed := installation{binaries: binaries, dir: dir}
	if err = installed.initialize(ctx, cluster.password); err == nil {
		cluster.server, err = installed.serve(ctx, port)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting a scratch PostgreSQL server: %w", err), os.RemoveAll(dir))
	}
	return cluster, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// URL returns the URL of the database called name, for the superuser. The database postgres always exists.
func (c *Cluster) URL(name string) string {
	location := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, c.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)),
		Path:     "/" + name,
		RawQuery: "sslmode=disable",
	}
	return location.String()
}

// CreateDatabase creates an empty database with a random name and returns its URL.
func (c *Cluster) CreateDatabase(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return "", fmt.Errorf("creating a scratch database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	name := "scratch_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("creating a scratch database: %w", err)
	}
	return c.URL(name), nil
}

// Close stops the server at once and removes its files.
func (c *Cluster) Close() error {
	if err := c.server.stop(); err != nil {
		return fmt.Errorf("stopping the scratch PostgreSQL server: %w", err)
	}
	return nil
}
