package bench

import (
	"flag"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	pocketBase   = flag.String("pocketbase", "", "a PocketBase program to weigh in the same run")
	supabaseAuth = flag.String("supabase-auth", "", "a Supabase Auth program to weigh in the same run, with this process's GOTRUE_… settings")
)

// releaseBuild is how a released program is built.
var releaseBuild = []string{"build", "-trimpath", "-tags", "nomsgpack,release", "-ldflags", "-s -w"}

const (
	starts  = 15
	settled = 5 * time.Second // until the memory that only the start needed is released
)

// BenchmarkWeight prints the weight of the released program: its size, the median and the fastest time from its start to the
// first 200 of /readyz on an existing SQLite file, the processor time until then, and its memory when idle. With -pocketbase and
// -supabase-auth it weighs those programs too.
func BenchmarkWeight(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc")
	}
	program := filepath.Join(b.TempDir(), "latchkey")
	build := exec.CommandContext(b.Context(), "go", append(releaseBuild, "-o", program, "..")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(b, err, "%s", output)

	weighed := []weighedProgram{{name: "latchkey", path: program, page: "/readyz"}}
	if *pocketBase != "" {
		weighed = append(weighed, weighedProgram{
			name: "pocketbase", path: *pocketBase, args: []string{"serve", "--http"}, page: "/api/health",
		})
	}
	if *supabaseAuth != "" {
		weighed = append(weighed, weighedProgram{name: "supabase-auth", path: *supabaseAuth, page: "/health", env: goTrueSettings()})
	}
	for _, program := range weighed {
		b.Run(program.name, func(b *testing.B) {
			for b.Loop() {
				program.weigh(b)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// weighedProgram is a program that listens on the address in ADDR, or on the port in PORT, or, if it has args, on the address in a
// further argument, and is ready when its page returns 200.
type weighedProgram struct {
	name string
	path string
	args []string
	page string
	env  []string
}

// goTrueSettings returns the settings of Supabase Auth in the environment of this process.
func goTrueSettings() []string {
	return slices.DeleteFunc(os.Environ(), func(setting string) bool {
		return !strings.HasPrefix(setting, "GOTRUE_") && !strings.HasPrefix(setting, "API_EXTERNAL_URL=")
	})
}

func (p weighedProgram) weigh(b *testing.B) {
	b.Helper()
	info, err := os.Stat(p.path)
	require.NoError(b, err)
	folder := b.TempDir()
	var took, busy []float64
	p.start(b, folder).stop(b) // makes the database
	for range starts {
		running := p.start(b, folder)
		took, busy = append(took, milliseconds(running.took)), append(busy, milliseconds(running.busy))
		running.stop(b)
	}
	slices.Sort(took)
	slices.Sort(busy)
	idle := p.start(b, folder)
	time.Sleep(settled)
	memory := idle.memory(b)
	idle.stop(b)
	b.ReportMetric(float64(info.Size())/1e6, "MB")
	b.ReportMetric(took[len(took)/2], "median-ready-ms")
	b.ReportMetric(took[0], "quickest-ready-ms")
	b.ReportMetric(busy[len(busy)/2], "cpu-ready-ms")
	b.ReportMetric(memory, "idle-MiB")
}

// runningProgram is a program that is ready: took is the time until then, busy the processor time.
type runningProgram struct {
	command    *exec.Cmd
	took, busy time.Duration
}

func (p weighedProgram) start(b *testing.B, folder string) runningProgram {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	addr := listener.Addr().String()
	require.NoError(b, listener.Close())
	args := p.args
	if len(args) > 0 {
		args = append(slices.Clone(args), addr)
	}
	command := exec.CommandContext(b.Context(), p.path, args...)
	command.Dir = folder
	_, port, err := net.SplitHostPort(addr)
	require.NoError(b, err)
	command.Env = append(slices.Clone(p.env), "ADDR="+addr, "PORT="+port, "GOTRUE_API_HOST=127.0.0.1")
	began := time.Now()
	require.NoError(b, command.Start())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		response, err := client.Get("http://" + addr + p.page)
		if err == nil {
			_ = response.Body.Close()
		}
		if err == nil && response.StatusCode == http.StatusOK {
			break
		}
		require.Less(b, time.Since(began), time.Minute, "%s is not ready", p.name)
		time.Sleep(time.Millisecond)
	}
	return runningProgram{command, time.Since(began), processorTime(b, command.Process.Pid)}
}

func (r runningProgram) stop(b *testing.B) {
	b.Helper()
	require.NoError(b, r.command.Process.Signal(syscall.SIGTERM))
	require.NoError(b, r.command.Wait())
}

// processorTime returns what all threads of a process have used so far, from the nanoseconds in /proc/PID/task/*/schedstat.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat")
	require.NoError(b, err)
	var total time.Duration
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		require.NoError(b, err)
		nanoseconds, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		require.NoError(b, err)
		total += time.Duration(nanoseconds)
	}
	return total
}

// memory returns the resident set of the program, in MiB.
func (r runningProgram) memory(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(r.command.Process.Pid) + "/status")
	require.NoError(b, err)
	_, rest, found := strings.Cut(string(status), "VmRSS:")
	require.True(b, found)
	kibibytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	require.NoError(b, err)
	return kibibytes / 1024
}
