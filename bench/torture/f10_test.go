//go:build torture

package torture

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// Tens of thousands of wrong passwords for ten thousand accounts come from five hundred addresses, over two thousand connections.
// Phones that refresh, and known devices that log in, each from its own address, are served meanwhile.
func TestF10_AFloodOfGuessesLeavesTheOthersServed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "test.db")
	service := prepare(t, testkit.Built(t), "sqlite:"+file, "RATE_LIMITS=on", "RATE_LIMIT_SIGNUP=100000/1m", "RATE_LIMIT_REFRESH=100000/1m",
		"PASSWORD_ARGON2_MEMORY=19456", "PASSWORD_ARGON2_TIME=2", "PASSWORD_HASH_WAIT=2s")
	group := inCgroup(t, 256)
	service.environ = append(service.environ, group.environ...)
	service.process = testkit.StartProgram(t, "/bin/sh", service.environ, "-c", group.enter+`exec "$0" serve`, service.program)
	service.waitReady(t)
	load := newLoad(t, 10, service.addr)
	load.operations = []string{signup}
	load.lasting(2 * time.Second)
	devices := knownDevices(t, service.addr, 100)
	load.rate, load.operations = 50, []string{refresh}
	load.ledger.waits = nil
	load.lasting(5 * time.Second)
	normal := percentile(load.ledger.waits, 99)
	load.ledger.waits = nil
	var counted flood
	var good atomic.Int32
	var asked int
	load.during(func() {
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				asked++
				running.Go(func() {
					home := &http.Client{Timeout: hangs, Transport: transportFrom(net.IPv4(127, 1, 0, byte(1+i%len(devices))))}
					defer home.CloseIdleConnections()
					got := requester{home, service.addr, time.Now()}.send(http.MethodPost, "login", "", devices[i%len(devices)])
					if got.status == http.StatusOK && got.took <= 2*time.Second {
						good.Add(1)
					}
				})
				time.Sleep(time.Second / 5)
			}
		})
		counted = guess(service.addr, f10Guesses)
		stop()
		running.Wait()
	})
	during := percentile(load.ledger.waits, 99)
	service.requireAlive(t)
	resident := service.vitals(t).megabytes
	unlimited := newReplica(t, "sqlite:"+file) // for the check, which logs every phone in
	result := check(t, testkit.OpenAt(t, "sqlite:"+file), unlimited.addr, load.ledger)
	require.Zero(t, counted.odd.Load(), "statuses other than 401, 429 and 503")
	summarize(t, fmt.Sprintf("F10 %d guesses from %d addresses in %.0f s%s: 401 × %d, 429 × %d, 503 × %d, refresh p99 %v before and %v during, "+
		"%d of %d good logins within 2 s, resident memory %d MiB, %v", f10Guesses, f10Sources, counted.took.Seconds(), group.limited, counted.evaluated.Load(),
		counted.limited.Load(), counted.overloaded.Load(), normal.Round(time.Millisecond), during.Round(time.Millisecond), good.Load(), asked,
		resident, result))
	require.GreaterOrEqual(t, int(good.Load())*100, asked*95, "good logins within 2 s")
	// The attackers are on the same cores, so that this is no ratio: a phone must not notice the flood.
	within(t, 2*normal+250*time.Millisecond, during, "p99 of refreshes")
}

// knownDevices signs up accounts whose devices are known, and returns the body of a login of each.
func knownDevices(t *testing.T, address string, n int) (bodies []string) {
	t.Helper()
	for i := range n {
		email := fmt.Sprintf("good%d@example.com", i)
		got := ask(address, http.MethodPost, "signup", "", testkit.Credentials(email))
		require.Equal(t, http.StatusCreated, got.status, got.code)
		_, device, found := strings.Cut(got.body, `"device_token":"`)
		require.True(t, found)
		device, _, _ = strings.Cut(device, `"`)
		bodies = append(bodies, fmt.Sprintf(`{"email":%q,"password":%q,"device_token":%q}`, email, testkit.Password, device))
	}
	return bodies
}

// flood counts the responses to guesses.
type flood struct {
	evaluated, limited, overloaded, odd *atomic.Int32
	took                                time.Duration
}

// transportFrom returns a transport whose connections come from an address of the loopback interface.
func transportFrom(source net.IP) *http.Transport {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: source}}
	return &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 4}
}

// guess sends wrong passwords at a steady rate, from 500 addresses of the loopback interface with four connections each. The
// attackers share the cores with the service, so that faster ones would measure themselves.
func guess(address string, guesses int) flood {
	counted := flood{&atomic.Int32{}, &atomic.Int32{}, &atomic.Int32{}, &atomic.Int32{}, 0}
	began := time.Now()
	var next atomic.Int32
	var running sync.WaitGroup
	for client := range f10Sources {
		transport := transportFrom(net.IPv4(127, 0, byte(1+client/250), byte(1+client%250)))
		defer transport.CloseIdleConnections()
		for range 4 {
			running.Go(func() {
				for {
					i := int(next.Add(1))
					if i > guesses {
						return
					}
					time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / f10Rate)))
					body := fmt.Sprintf(`{"email":"victim%d@example.com","password":"guess %d"}`, i%10_000, i)
					counted.count(requester{&http.Client{Transport: transport, Timeout: hangs}, address, time.Now()}.
						send(http.MethodPost, "login", "", body))
				}
			})
		}
	}
	running.Wait()
	counted.took = time.Since(began)
	return counted
}

func (f flood) count(got response) {
	switch got.status {
	case http.StatusUnauthorized:
		f.evaluated.Add(1)
	case http.StatusTooManyRequests:
		f.limited.Add(1)
	case http.StatusServiceUnavailable:
		f.overloaded.Add(1)
	default:
		f.odd.Add(1)
	}
}

// cgroup is how a shell enters a group of processes with little memory, and what to say of it.
type cgroup struct {
	enter   string
	limited string
	environ []string             // which docs/operating.md recommends with such a limit
	peak    func(*testing.T) int // MiB
}

// inCgroup makes a group whose processes get some MiB of memory. Where none can be made, it says so.
func inCgroup(t *testing.T, mebibytes int) cgroup {
	t.Helper()
	name := fmt.Sprintf("latchkey-torture-%d", os.Getpid())
	for _, v := range []struct{ parent, limit, peak string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"}, // version 1
		{"/sys/fs/cgroup", "memory.max", "memory.peak"},                                 // version 2
	} {
		dir := filepath.Join(v.parent, name)
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		if os.WriteFile(filepath.Join(dir, v.limit), []byte(strconv.Itoa(mebibytes<<20)), 0o644) != nil {
			_ = os.Remove(dir)
			continue
		}
		t.Cleanup(func() {
			require.Eventually(t, func() bool { return os.Remove(dir) == nil }, testkit.Patience, 50*time.Millisecond)
		})
		return cgroup{
			enter:   "echo $$ > " + filepath.Join(dir, "cgroup.procs") + "; ",
			limited: fmt.Sprintf(", in %d MiB of memory", mebibytes),
			environ: []string{fmt.Sprintf("GOMEMLIMIT=%dMiB", mebibytes*9/10)},
			peak: func(t *testing.T) int {
				t.Helper()
				content, err := os.ReadFile(filepath.Join(dir, v.peak))
				require.NoError(t, err)
				return number(t, digits, string(content)) >> 20
			},
		}
	}
	require.NotEqual(t, "1", os.Getenv("TEST_REQUIRE_SERVICES"), "a cgroup can't be made")
	return cgroup{limited: ", without a limit to its memory", peak: func(*testing.T) int { return 0 }}
}
