package bench

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"
)

// costly is a password that takes longer to rate than to hash: most of what is in it can be read as a word, a walk or a date.
const costly = "1aaaa11aaaa1@@@9876543210qwertyuiop1aaaa11aaaa1@@@9876543210qwer"

// BenchmarkRating measures what a flood of sign-ups does to other requests, each with a password that was chosen to be costly to
// rate. It prints medians of the rounds. It is otherwise as BenchmarkFlood:
//
//	go test ./bench -run NONE -bench Rating -benchtime 1x
func BenchmarkRating(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("the usage of a process is read from Linux's /proc")
	}
	const clients = 64
	server := startServer(b, buildProgram(b))
	load := newLoad(server.url, clients)
	token := load.signupAll(b, 1)
	for b.Loop() {
		var idle, flooded, ratios []float64
		for range floodRounds {
			quiet := load.profile(b, token, profilesPerSecond, floodPhase)
			under := load.rated(b, token, clients)
			idle, flooded = append(idle, quiet.percentile(99)), append(flooded, under.percentile(99))
			ratios = append(ratios, under.percentile(99)/quiet.percentile(99))
		}
		fmt.Printf("\n%d clients signing up with a costly password\nprofile, p99: %.1f ms idle, %.1f ms in the flood, %.1f times as long\n",
			clients, median(idle), median(flooded), median(ratios))
		b.ReportMetric(median(ratios), "times-idle-p99")
		b.ReportMetric(0, "ns/op")
	}
}

// rated measures profiles while clients sign up, as fast as they can, with a password that is costly to rate.
func (l *load) rated(b *testing.B, token string, clients int) latencies {
	b.Helper()
	ctx, end := context.WithTimeout(b.Context(), floodPhase+time.Second)
	defer end()
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for ctx.Err() == nil {
				body := fmt.Appendf(nil, `{"email":"client0@example.com","password":%q}`, costly)
				_, _, _ = l.send(ctx, http.MethodPost, "/api/v1/signup", "", body)
			}
		})
	}
	time.Sleep(time.Second / 2) // until the queue is full
	under := l.profile(b, token, profilesPerSecond, floodPhase)
	running.Wait()
	return under
}
