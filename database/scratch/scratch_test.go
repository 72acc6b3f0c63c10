package scratch_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"latchkey/database/scratch"
)

// TestMain lets the test binary act as the process that gets killed.
func TestMain(m *testing.M) {
	if os.Getenv("SCRATCH_TEST_PARENT") == "1" {
		hostServer()
	}
	os.Exit(m.Run())
}

func hostServer() {
	cluster, err := scratch.Start(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println(cluster.URL("postgres"))
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed
	os.Exit(1)
}

func start(t *testing.T) *scratch.Cluster {
	t.Helper()
	cluster, err := scratch.Start(t.Context())
	skipWithoutServer(t, err)
	require.NoError(t, err)
	return cluster
}

func skipWithoutServer(t *testing.T, err error) {
	t.Helper()
	if err == nil || os.Getenv("TEST_REQUIRE_SERVICES") == "1" {
		return
	}
	t.Skip("PostgreSQL is not installed: ", err)
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// folder returns the folder of the server's files.
func folder(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	var data string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&data))
	return filepath.Dir(data)
}

func TestCluster_LivesFromStartToClose(t *testing.T) {
	cluster := start(t)
	conn := connect(t, cluster.URL("postgres"))
	dir := folder(t, conn)
	require.DirExists(t, dir)
	require.NoFileExists(t, filepath.Join(dir, "password"))

	require.NoError(t, cluster.Close())
	_, err := os.Stat(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Error(t, conn.Ping(t.Context()))
	_, err = pgx.Connect(t.Context(), cluster.URL("postgres"))
	require.Error(t, err)
}

func TestCluster_CreateDatabase_IsNewAndEmpty(t *testing.T) {
	cluster := start(t)
	defer cluster.Close()
	for range 2 {
		url, err := cluster.CreateDatabase(t.Context())
		require.NoError(t, err)
		_, err = connect(t, url).Exec(t.Context(), "CREATE TABLE t (x integer)")
		require.NoError(t, err)
	}
}

func TestCluster_RequiresItsPassword(t *testing.T) {
	cluster := start(t)
	defer cluster.Close()
	config, err := pgx.ParseConfig(cluster.URL("postgres"))
	require.NoError(t, err)
	config.Password = "guess"
	_, err = pgx.ConnectConfig(t.Context(), config)
	require.ErrorContains(t, err, "password authentication failed")
}

func TestCluster_EndsWithAKilledParent(t *testing.T) {
	require.NoError(t, start(t).Close())
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "SCRATCH_TEST_PARENT=1")
	parent.Stderr = os.Stderr
	_, err := parent.StdinPipe()
	require.NoError(t, err)
	output, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	url, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	conn := connect(t, url[:len(url)-1])
	dir := folder(t, conn)

	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = conn.WaitForNotification(ctx)
	require.Error(t, err)
	require.NoError(t, ctx.Err(), "the connection ended because the server did")
	gone := func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	}
	require.Eventually(t, gone, time.Minute, 5*time.Millisecond)
}

func TestStart_CancelledLeavesNothing(t *testing.T) {
	require.NoError(t, start(t).Close())
	t.Setenv("TMPDIR", t.TempDir())
	require.NoError(t, os.Chmod(os.Getenv("TMPDIR"), 0o777))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := scratch.Start(ctx)
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestStart_NotInstalled(t *testing.T) {
	installed, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	require.NoError(t, err)
	if len(installed) > 0 {
		t.Skip("PostgreSQL is installed where it is found without PATH")
	}
	t.Setenv("PATH", "")
	_, err = scratch.Start(t.Context())
	require.ErrorIs(t, err, scratch.ErrNotInstalled)
	require.ErrorContains(t, err, "apt install postgresql")
}
