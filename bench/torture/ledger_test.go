package torture

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// outcome is what a client knows of an operation once it has read the whole response, or has got none.
type outcome string

const (
	acknowledged outcome = "acknowledged" // 2xx: it must hold
	refused      outcome = "refused"      // 4xx: it must have left no trace
	unknown      outcome = "unknown"      // 5xx or no response: it may have happened, but not by half
)

// phone is an honest client with an account of its own, which does one thing at a time. Passwords and names have one element, or
// two after a change whose outcome is unknown.
type phone struct {
	email     string
	created   outcome
	passwords []string
	names     []string
	changes   int // of the password, acknowledged
	pair      testkit.Pair
}

// settled reports whether the phone knows its password and its name.
func (p *phone) settled() bool { return len(p.passwords) == 1 && len(p.names) == 1 }

// ledger records every operation, with a line written after the whole response was read. It is safe for concurrent use.
type ledger struct {
	mu       sync.Mutex
	file     *os.File
	phones   []*phone
	idle     []*phone // phones with a session that do nothing now
	counts   map[outcome]int
	statuses map[int]int // responses that are neither 2xx nor 4xx; 0 means no response
	refusals []string    // of honest requests
	bare     int         // responses 503 without Retry-After
	reads    int         // that failed
	longest  time.Duration
	written  time.Time // when the newest operation that writes was acknowledged
	waits    []time.Duration
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "ledger"))
	require.NoError(t, err)
	l := &ledger{file: file, counts: map[outcome]int{}, statuses: map[int]int{}}
	t.Cleanup(func() {
		require.NoError(t, file.Close())
		if t.Failed() {
			t.Log(l.tail(20))
		}
	})
	return l
}

// tail returns the last lines about anything but an acknowledged operation.
func (l *ledger) tail(lines int) string {
	content, err := os.ReadFile(l.file.Name())
	if err != nil {
		return err.Error()
	}
	odd := slices.DeleteFunc(strings.Split(string(content), "\n"), func(line string) bool {
		return strings.Contains(line, " "+string(acknowledged)+" ")
	})
	return strings.Join(odd[max(0, len(odd)-lines):], "\n")
}

// response is what came back: Status is 0 if nothing did. Took counts from the time at which the request was due.
type response struct {
	status     int
	code       string
	body       string
	retryAfter string
	took       time.Duration
	pair       testkit.Pair
	err        error
}

func (r response) outcome() outcome {
	switch {
	case r.err != nil || r.status >= http.StatusInternalServerError:
		return unknown
	case r.status >= http.StatusBadRequest:
		return refused
	default:
		return acknowledged
	}
}

// write records an operation and returns its outcome.
func (l *ledger) write(operation, email string, r response) outcome {
	came := r.outcome()
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.file, "%s %s %s %s %d %s %s %v\n", time.Now().Format(time.RFC3339Nano), operation, email, came, r.status, r.code,
		r.took, r.err)
	l.counts[came]++
	l.longest = max(l.longest, r.took)
	l.waits = append(l.waits, r.took)
	switch came {
	case acknowledged:
		if operation != profile {
			l.written = time.Now()
		}
	case refused:
		l.refusals = append(l.refusals, fmt.Sprintf("%s %s: %d %s", operation, email, r.status, r.code))
	case unknown:
		l.statuses[r.status]++
		if operation == profile {
			l.reads++
		}
		if r.status == http.StatusServiceUnavailable && r.retryAfter == "" {
			l.bare++
		}
	}
	return came
}

// take returns an idle phone for which pick returns true, and makes it busy. It returns nil if there is no such phone.
func (l *ledger) take(pick func(*phone) bool) *phone {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.idle, pick)
	if i < 0 {
		return nil
	}
	taken := l.idle[i]
	l.idle = slices.Delete(l.idle, i, i+1)
	return taken
}

// add records a phone that is about to sign up.
func (l *ledger) add() *phone {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &phone{
		email: fmt.Sprintf("phone%d@example.com", len(l.phones)), created: unknown,
		passwords: []string{testkit.Password}, names: []string{""},
	}
	l.phones = append(l.phones, p)
	return p
}

// release makes a phone idle again.
func (l *ledger) release(p *phone) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, p)
}

// count returns how many operations had an outcome so far.
func (l *ledger) count(of outcome) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[of]
}

// lastWrite returns when the newest operation that writes was acknowledged.
func (l *ledger) lastWrite() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written
}

// requireOnlyUnavailable fails the test if an honest request was refused, or failed with anything but a 503 that says when to try
// again. Requests without any response pass.
func (l *ledger) requireOnlyUnavailable(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Empty(t, l.refusals, "honest requests were refused")
	for _, status := range slices.Sorted(maps.Keys(l.statuses)) {
		require.Contains(t, []int{0, http.StatusServiceUnavailable}, status, "%d responses", l.statuses[status])
	}
	require.Zero(t, l.bare, "responses 503 without Retry-After")
}

// String returns the counts, as a row's line has them.
func (l *ledger) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("5xx: 503 × %d, 500 × %d, no response × %d, longest response %.1f s",
		l.statuses[503], l.statuses[500], l.statuses[0], l.longest.Seconds())
}
