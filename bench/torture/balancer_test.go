package torture

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"time"
)

// balancer is a load balancer as people run it: it asks each replica every half second whether it is ready, takes it out after two
// failures and in after one success, and never sends a POST twice.
type balancer struct {
	addr string

	mu       sync.Mutex
	backends []*backend
	next     int
	failed   int // requests that no replica answered
}

type backend struct {
	addr     string
	failures int
}

const (
	polled      = 500 * time.Millisecond
	maxFailures = 2
)

func newBalancer(t *testing.T, replicas ...*replica) *balancer {
	t.Helper()
	b := &balancer{}
	for _, r := range replicas {
		b.backends = append(b.backends, &backend{addr: r.addr})
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", b.pick(), r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.failed++
			w.WriteHeader(http.StatusBadGateway)
		},
	})
	b.addr = strings.TrimPrefix(server.URL, "http://")
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { b.watch(done) })
	t.Cleanup(func() {
		close(done)
		running.Wait()
		server.Close()
		transport.CloseIdleConnections()
	})
	return b
}

// pick returns the address of the next replica that is in, or of any if none is.
func (b *balancer) pick() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		b.next++
		if candidate := b.backends[b.next%len(b.backends)]; candidate.failures < maxFailures {
			return candidate.addr
		}
	}
	return b.backends[b.next%len(b.backends)].addr
}

func (b *balancer) watch(done <-chan struct{}) {
	ticker := time.NewTicker(polled)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		for _, each := range b.backends {
			status := probe(each.addr, "/readyz", time.Second)
			b.mu.Lock()
			if status == http.StatusOK {
				each.failures = 0
			} else {
				each.failures++
			}
			b.mu.Unlock()
		}
	}
}
