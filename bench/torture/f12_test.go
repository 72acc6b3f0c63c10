//go:build torture

package torture

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Clients send their body byte by byte, or read nothing of what they asked for. They are disconnected, and others are served
// meanwhile. Slow headers are TestServer_ClosesSlowConnectionsAndServesOthersMeanwhile.
func TestF12_SlowClientsAreDisconnected(t *testing.T) {
	// One connection to the database, because each has three descriptors and comes and goes with the load.
	service := newReplica(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"), "DB_MAX_OPEN_CONNS=1")
	load := newLoad(t, 20, service.addr)
	load.lasting(5 * time.Second)
	normal := percentile(load.ledger.waits, 99)
	load.ledger.waits = nil
	load.client.CloseIdleConnections()
	before := service.vitals(t)
	var longest time.Duration
	load.during(func() { longest = slowClients(t, service.addr, f12Clients) })
	during := percentile(load.ledger.waits, 99)
	load.ledger.requireOnlyUnavailable(t)
	require.Zero(t, load.ledger.count(unknown))
	load.client.CloseIdleConnections()
	var after vitals
	for range 30 {
		if after = service.vitals(t); after.descriptors <= before.descriptors+5 {
			break
		}
		time.Sleep(time.Second)
	}
	require.LessOrEqual(t, after.descriptors, before.descriptors+5, "descriptors are released")
	within(t, 40*time.Second, longest, "slow clients are disconnected")
	within(t, 2*normal+50*time.Millisecond, during, "p99 of the others")
	summarize(t, fmt.Sprintf("F12 %d slow bodies and %d slow readers: all disconnected within %.0f s, p99 of the others %v before and %v during",
		f12Clients, f12Clients/readersOf, longest.Seconds(), normal.Round(time.Millisecond), during.Round(time.Millisecond)))
}

// readersOf is how many slow bodies there are for each slow reader.
const readersOf = 5

// slowClients opens n connections that send a body byte by byte, and a fifth as many that ask for much and read none of it. It
// returns how long it took until the last one was disconnected.
func slowClients(t *testing.T, address string, n int) time.Duration {
	t.Helper()
	began := time.Now()
	var running sync.WaitGroup
	for range n {
		bodies := dialSmall(t, address)
		running.Go(func() {
			_, _ = io.WriteString(bodies, "POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
			for { // the server closes it while the body is under way
				time.Sleep(time.Second)
				if _, err := bodies.Write([]byte(" ")); err != nil {
					return
				}
			}
		})
	}
	for range n / readersOf {
		time.Sleep(50 * time.Millisecond) // until the buffers on its way are full, a reader costs as much as a quick one
		readers := dialSmall(t, address)
		running.Go(func() {
			asking := strings.Repeat("GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n", 100)
			for { // the server does not read on while it can't write
				if _, err := io.WriteString(readers, asking); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
	}
	running.Wait()
	return time.Since(began)
}

// dialSmall opens a connection that takes little at once, and on which writes don't wait long.
func dialSmall(t *testing.T, address string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, connection.(*net.TCPConn).SetReadBuffer(4096))
	require.NoError(t, connection.SetWriteDeadline(time.Now().Add(time.Minute)))
	return connection
}

// A hundred clients at once announce or send far more than anybody may. The service refuses before it reads, and takes hardly any
// memory. Each form of an odd body is a case of TestHostileRequests_AreRefusedAndWriteNothing.
func TestF13_HugeBodiesCostNothing(t *testing.T) {
	service := newReplica(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	before := service.vitals(t).megabytes
	const head = "POST /api/v1/signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	nested := `{"email":` + strings.Repeat("[", 60_000)
	bombs := []string{
		head + "Content-Length: 1073741824\r\n\r\n" + strings.Repeat(" ", 100_000),
		head + "Expect: 100-continue\r\nContent-Length: 1099511627776\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+strings.Repeat("a", 4096)+"\r\n", 64),
		head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(nested), nested),
	}
	statuses := map[string]int{}
	var mu sync.Mutex
	var running sync.WaitGroup
	for i := range 100 * len(bombs) {
		running.Go(func() {
			connection := dialSmall(t, service.addr)
			_, _ = io.WriteString(connection, bombs[i%len(bombs)])
			_ = connection.SetReadDeadline(time.Now().Add(20 * time.Second))
			answer := make([]byte, 12)
			_, _ = io.ReadFull(connection, answer)
			mu.Lock()
			defer mu.Unlock()
			statuses[strings.Trim(string(answer), "\x00")]++
		})
	}
	running.Wait()
	grown := service.vitals(t).megabytes - before
	service.requireAlive(t)
	summarize(t, fmt.Sprintf("F13 %d huge or nested bodies at once: %v, memory +%d MiB", 100*len(bombs), statuses, grown))
	for status := range statuses {
		require.Contains(t, []string{"HTTP/1.1 413", "HTTP/1.1 400", ""}, status)
	}
	require.GreaterOrEqual(t, statuses["HTTP/1.1 413"], 200)
	require.LessOrEqual(t, grown, 100*len(bombs), "at most a mebibyte for each")
	require.Equal(t, http.StatusOK, probe(service.addr, "/readyz", hangs))
}
