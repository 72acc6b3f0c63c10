package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/passwords"
	"latchkey/testkit"
)

const (
	floodRounds       = 5
	floodPhase        = 6 * time.Second // of each round there are three: hashing, idle and flooded
	profilesPerSecond = 50
)

// BenchmarkFlood measures what a flood of logins does to other requests. The built program on SQLite gets 50 profile requests a
// second, first idle and then while clients log in as fast as they can; in turn with that, it measures the rate of the same hashes
// without HTTP. It prints the medians of the rounds, and the server's peak memory. It needs Linux. The load comes from this process,
// on the same cores, and the share of them that it and the profiles take is printed too. Run it with
//
//	go test ./bench -run NONE -bench Flood -benchtime 1x
func BenchmarkFlood(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("the usage of a process is read from Linux's /proc")
	}
	program := buildProgram(b)
	for _, clients := range []int{64, 256} {
		b.Run(fmt.Sprintf("Clients%d", clients), func(b *testing.B) {
			for b.Loop() {
				flood(b, program, clients)
			}
		})
	}
}

func flood(b *testing.B, program string, clients int) {
	b.Helper()
	server := startServer(b, program)
	load := newLoad(server.url, clients)
	token := load.signupAll(b, clients)
	hash := newRawHashing(b)
	var rounds []floodRound
	for range floodRounds {
		round := floodRound{raw: hash.rate(b, clients, floodPhase)}
		rounds = append(rounds, round.quiet(b, server, load, token).flooded(b, load, token, clients))
	}
	report(b, clients, rounds, server.peakMemory(b))
}

// floodRound is the result of the three phases of a round, during which the machine was about equally busy.
type floodRound struct {
	idle, under  latencies
	raw          float64 // hashes a second
	counted      logins
	logins       float64 // a second
	loadShare    float64 // of all cores, used by the load
	profileShare float64 // of all cores, used by the server for the profiles
}

// quiet measures profiles on an idle server.
func (r floodRound) quiet(b *testing.B, server process, load *load, token string) floodRound {
	b.Helper()
	began, used := time.Now(), server.usedCPU(b)
	r.idle = load.profile(b, token, profilesPerSecond, floodPhase)
	r.profileShare = shareOfCores(server.usedCPU(b)-used, time.Since(began))
	return r
}

// flooded measures profiles while clients log in.
func (r floodRound) flooded(b *testing.B, load *load, token string, clients int) floodRound {
	b.Helper()
	ctx, end := context.WithTimeout(b.Context(), floodPhase+time.Second)
	defer end()
	var running sync.WaitGroup
	began, used := time.Now(), ownCPU(b)
	running.Go(func() { r.counted = load.login(ctx, clients) })
	time.Sleep(time.Second / 2) // until the queue is full
	r.under = load.profile(b, token, profilesPerSecond, floodPhase)
	running.Wait()
	took := time.Since(began)
	r.logins = float64(r.counted.accepted) / took.Seconds()
	r.loadShare = shareOfCores(ownCPU(b)-used, took)
	return r
}

func shareOfCores(used, took time.Duration) float64 {
	return used.Seconds() / took.Seconds() / float64(runtime.NumCPU())
}

// left returns the part of the raw rate that the cores can reach beside the load and the profiles.
func (r floodRound) left() float64 { return r.raw * (1 - r.loadShare - r.profileShare) }

func report(b *testing.B, clients int, rounds []floodRound, peak int) {
	b.Helper()
	of := func(value func(floodRound) float64) float64 {
		values := make([]float64, len(rounds))
		for i, r := range rounds {
			values[i] = value(r)
		}
		return median(values)
	}
	idle50 := of(func(r floodRound) float64 { return r.idle.percentile(50) })
	idle99 := of(func(r floodRound) float64 { return r.idle.percentile(99) })
	flood50 := of(func(r floodRound) float64 { return r.under.percentile(50) })
	flood99 := of(func(r floodRound) float64 { return r.under.percentile(99) })
	slower := of(func(r floodRound) float64 { return r.under.percentile(99) / r.idle.percentile(99) })
	raw, accepted := of(func(r floodRound) float64 { return r.raw }), of(func(r floodRound) float64 { return r.logins })
	share := of(func(r floodRound) float64 { return r.logins / r.raw })
	besides := of(func(r floodRound) float64 { return r.loadShare + r.profileShare })
	net := of(func(r floodRound) float64 { return r.logins / r.left() })
	var overloaded, failed int
	for _, r := range rounds {
		overloaded, failed = overloaded+r.counted.overloaded, failed+r.counted.failed
	}
	require.Zero(b, failed, "logins with a status other than 200 and 503")

	var text bytes.Buffer
	line := func(format string, values ...any) { fmt.Fprintf(&text, format+"\n", values...) }
	line("%d clients logging in, %d profiles a second, medians of %d rounds", clients, profilesPerSecond, len(rounds))
	line("profile       p50 ms   p99 ms")
	line("  idle      %8.1f %8.1f", idle50, idle99)
	line("  flood     %8.1f %8.1f   (p99 %.1f times idle)", flood50, flood99, slower)
	line("raw hashes  %8.1f a second", raw)
	line("logins      %8.1f a second   (%.0f %% of raw; %.0f %% of what load and profiles leave, with %.1f %% of the cores)",
		accepted, 100*share, 100*net, 100*besides)
	line("overloaded  %8d responses 503", overloaded)
	line("peak memory %8d MiB", peak)
	fmt.Println("\n" + text.String()) // b.Log cuts off after ten lines

	b.ReportMetric(idle99, "idle-p99-ms")
	b.ReportMetric(flood99, "flood-p99-ms")
	b.ReportMetric(100*share, "%raw")
	b.ReportMetric(100*net, "%left")
	b.ReportMetric(float64(peak), "peak-MiB")
	b.ReportMetric(0, "ns/op")
}

// rawHashing verifies passwords through the same pool as a login, and does nothing else.
type rawHashing struct {
	pool    *passwords.Pool
	encoded string
}

func newRawHashing(b *testing.B) rawHashing {
	b.Helper()
	cores := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(cores + 2) // as the server does
	b.Cleanup(func() { runtime.GOMAXPROCS(cores) })
	pool, err := passwords.NewPool(passwords.Options{Concurrency: cores, Wait: time.Minute})
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	encoded, err := pool.Hash(b.Context(), testkit.Password)
	require.NoError(b, err)
	return rawHashing{pool, encoded}
}

// rate returns how many hashes a second the pool computes for this many goroutines.
func (h rawHashing) rate(b *testing.B, clients int, lasting time.Duration) float64 {
	b.Helper()
	ctx, end := context.WithTimeout(b.Context(), lasting)
	defer end()
	before := h.pool.Hashes()
	var running sync.WaitGroup
	began := time.Now()
	for range clients {
		running.Go(func() {
			for ctx.Err() == nil {
				_, _ = h.pool.Verify(ctx, testkit.Password, h.encoded)
			}
		})
	}
	running.Wait()
	return float64(h.pool.Hashes()-before) / time.Since(began).Seconds()
}

// process is the built program in a process of its own.
type process struct {
	url    string
	pid    int
	folder string
}

func buildProgram(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "latchkey")
	build := exec.CommandContext(b.Context(), "go", "build", "-o", program, "latchkey")
	output, err := build.CombinedOutput()
	require.NoError(b, err, "%s", output)
	return program
}

// startServer starts the program in an empty folder: on SQLite and without rate limits, with all other settings at their
// defaults.
func startServer(b *testing.B, program string) process {
	b.Helper()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(testkit.Port(b)))
	command := exec.Command(program)
	command.Dir = b.TempDir()
	command.Env = []string{"ADDR=" + address, "RATE_LIMITS=off", "JWT_EXPIRATION_DELTA=1h"}
	require.NoError(b, command.Start())
	b.Cleanup(func() {
		require.NoError(b, command.Process.Signal(os.Interrupt))
		require.NoError(b, command.Wait())
	})
	started := process{url: "http://" + address, pid: command.Process.Pid, folder: command.Dir}
	require.Eventually(b, func() bool {
		response, err := http.Get(started.url + "/readyz")
		if err != nil {
			return false
		}
		return response.Body.Close() == nil && response.StatusCode == http.StatusOK
	}, testkit.Patience, 20*time.Millisecond)
	return started
}

// usedCPU returns the processor time that the process has used, in steps of 10 ms.
func (s process) usedCPU(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	require.NoError(b, err)
	_, afterName, _ := bytes.Cut(stat, []byte(") "))
	fields := bytes.Fields(afterName) // from the third on, see proc_pid_stat(5)
	require.Greater(b, len(fields), 12)
	var ticks int
	for _, field := range fields[11:13] { // utime and stime
		used, err := strconv.Atoi(string(field))
		require.NoError(b, err)
		ticks += used
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// peakMemory returns the peak of the process's resident memory, in MiB.
func (s process) peakMemory(b *testing.B) int {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	require.NoError(b, err)
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(b, peak)
	kilobytes, err := strconv.Atoi(string(peak[1]))
	require.NoError(b, err)
	return kilobytes / 1024
}
