package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/testkit"
)

// The operations of a load.
const (
	signup  = "signup"
	login   = "login"
	refresh = "refresh"
	profile = "profile"
	rename  = "rename"
	change  = "change"
)

// mixed returns the operations that phones do in turn: they write as much as they read.
func mixed() []string {
	return []string{signup, refresh, profile, login, rename, refresh, change, profile}
}

// load sends operations at a steady rate, whether or not earlier ones are done, and records them in its ledger. Door returns the
// address for the next request.
type load struct {
	ledger     *ledger
	door       func() string
	rate       int // operations a second
	operations []string
	client     *http.Client
	began      int // operations, in all runs
}

// hangs is how long a client waits for a response before it gives up.
const hangs = 30 * time.Second

func newLoad(t *testing.T, rate int, addresses ...string) *load {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	t.Cleanup(transport.CloseIdleConnections)
	l := &load{ledger: newLedger(t), rate: rate, operations: mixed(), client: &http.Client{Transport: transport, Timeout: hangs}}
	next := 0
	l.door = func() string {
		next++
		return addresses[next%len(addresses)]
	}
	return l
}

// during runs the load while work runs, and waits for every response.
func (l *load) during(work func()) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { l.run(ctx) })
	defer running.Wait()
	defer stop()
	work()
}

// lasting runs the load for a time, and waits for every response.
func (l *load) lasting(d time.Duration) { l.during(func() { time.Sleep(d) }) }

func (l *load) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	start := time.Now()
	for i := 0; ; i++ {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(l.rate))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		operation, door := l.operations[l.began%len(l.operations)], l.door()
		l.began++
		running.Go(func() { l.do(due, operation, door) })
	}
}

// do does one operation with an idle phone, or signs a new one up if no phone can.
func (l *load) do(due time.Time, operation, door string) {
	r := requester{l.client, door, due}
	if operation != signup {
		needsSettled := operation == login || operation == rename || operation == change
		p := l.ledger.take(func(p *phone) bool { return p.settled() || !needsSettled })
		if p != nil {
			defer l.ledger.release(p)
			l.use(r, operation, p)
			return
		}
	}
	p := l.ledger.add()
	got := r.send(http.MethodPost, "signup", "", testkit.Credentials(p.email))
	if p.created = l.ledger.write(signup, p.email, got); p.created == acknowledged {
		p.pair = got.pair
		l.ledger.release(p)
	}
}

func (l *load) use(r requester, operation string, p *phone) {
	switch operation {
	case login:
		body := fmt.Sprintf(`{"email":%q,"password":%q}`, p.email, p.passwords[0])
		l.ledger.write(login, p.email, r.send(http.MethodPost, "login", "", body))
	case refresh:
		got := r.send(http.MethodPost, "token/refresh", "", testkit.Refreshing(p.pair.Refresh))
		if l.ledger.write(refresh, p.email, got) == acknowledged {
			p.pair = got.pair
		}
	case profile:
		l.ledger.write(profile, p.email, r.send(http.MethodGet, "profile", p.pair.Access, ""))
	case rename:
		name := fmt.Sprintf("n%d", time.Now().UnixNano())
		got := r.send(http.MethodPatch, "profile", p.pair.Access, `{"first_name":"`+name+`"}`)
		p.names = after(l.ledger.write(rename, p.email, got), p.names, name)
	case change:
		password := "plum tree by gate " + time.Now().Format("150405.000000000")
		body := fmt.Sprintf(`{"current_password":%q,"new_password":%q}`, p.passwords[0], password)
		came := l.ledger.write(change, p.email, r.send(http.MethodPost, "password/change", p.pair.Access, body))
		p.passwords = after(came, p.passwords, password)
		if came == acknowledged {
			p.changes++
		}
	}
}

// after returns the values that may be stored after a change to value.
func after(came outcome, before []string, value string) []string {
	switch came {
	case acknowledged:
		return []string{value}
	case unknown:
		return append(before, value)
	default:
		return before
	}
}

// requester sends one request that was due at a time.
type requester struct {
	client *http.Client
	door   string
	due    time.Time
}

// send sends a request to a path of the API, and reads the response completely.
func (r requester) send(method, path, token, body string) (got response) {
	defer func() { got.took = time.Since(r.due) }()
	request, err := http.NewRequestWithContext(context.Background(), method, "http://"+r.door+"/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		return response{err: err}
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	received, err := r.client.Do(request)
	if err != nil {
		return response{err: err}
	}
	defer received.Body.Close()
	content, err := io.ReadAll(received.Body)
	if err != nil {
		return response{err: err}
	}
	got = response{status: received.StatusCode, body: string(content), retryAfter: received.Header.Get("Retry-After")}
	if len(bytes.TrimSpace(content)) > 0 {
		got.err = json.Unmarshal(content, &got.pair)
	}
	got.code = got.pair.Code
	return got
}

// percentile returns a percentile of durations by nearest rank.
func percentile(of []time.Duration, percent int) time.Duration {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[max((len(sorted)*percent+99)/100, 1)-1]
}
