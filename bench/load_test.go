package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// load sends requests to a server that runs in another process.
type load struct {
	base    string
	client  *http.Client
	devices []string // the device token of each client
}

func newLoad(base string, clients int) *load {
	transport := &http.Transport{MaxIdleConnsPerHost: clients + 64}
	return &load{base: base, client: &http.Client{Transport: transport, Timeout: time.Minute}}
}

// send sends a request, and returns the status and the complete body.
func (l *load) send(ctx context.Context, method, path, token string, body []byte) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, l.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := l.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, content, err
}

func credentials(client int) []byte {
	return fmt.Appendf(nil, `{"email":"client%d@example.com","password":%q}`, client, testkit.Password)
}

// withDevice returns the body of a login by a client that has logged in before.
func (l *load) withDevice(client int) []byte {
	return fmt.Appendf(nil, `{"email":"client%d@example.com","password":%q,"device_token":%q}`,
		client, testkit.Password, l.devices[client])
}

// signupAll creates an account for each client, and returns an access token of the first.
func (l *load) signupAll(b *testing.B, clients int) (token string) {
	b.Helper()
	for client := range clients {
		status, body, err := l.send(b.Context(), http.MethodPost, "/api/v1/signup", "", credentials(client))
		require.NoError(b, err)
		require.Equal(b, http.StatusCreated, status, "%s", body)
		var tokens struct {
			AccessToken string `json:"access_token"`
			DeviceToken string `json:"device_token"`
		}
		require.NoError(b, json.Unmarshal(body, &tokens))
		l.devices = append(l.devices, tokens.DeviceToken)
		if client == 0 {
			token = tokens.AccessToken
		}
	}
	return token
}

// logins counts the responses to logins by their outcome.
type logins struct{ accepted, overloaded, failed int }

// login lets each client log in to its own account, again and again, until the context ends. Requests in progress at that time
// are not counted.
func (l *load) login(ctx context.Context, clients int) logins {
	var counted logins
	var mutex sync.Mutex
	var running sync.WaitGroup
	for client := range clients {
		running.Go(func() {
			for ctx.Err() == nil {
				status, _, err := l.send(ctx, http.MethodPost, "/api/v1/login", "", l.withDevice(client))
				if ctx.Err() != nil {
					return
				}
				mutex.Lock()
				switch {
				case err == nil && status == http.StatusOK:
					counted.accepted++
				case err == nil && status == http.StatusServiceUnavailable:
					counted.overloaded++
				default:
					counted.failed++
				}
				mutex.Unlock()
			}
		})
	}
	running.Wait()
	return counted
}

// profile requests the profile at a steady rate, whether or not earlier requests are done. Each latency counts from the time at
// which its request was due, so that a stall counts for every request that was due meanwhile.
func (l *load) profile(b *testing.B, token string, perSecond int, lasting time.Duration) latencies {
	b.Helper()
	every := time.Second / time.Duration(perSecond)
	all := make(latencies, lasting/every)
	errs := make([]error, len(all))
	var running sync.WaitGroup
	start := time.Now()
	for i := range all {
		due := start.Add(time.Duration(i) * every)
		time.Sleep(time.Until(due))
		running.Go(func() {
			status, body, err := l.send(b.Context(), http.MethodGet, "/api/v1/profile", token, nil)
			all[i] = time.Since(due)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("%d: %s", status, body)
			}
			errs[i] = err
		})
	}
	running.Wait()
	for _, err := range errs {
		require.NoError(b, err)
	}
	return all
}

type latencies []time.Duration

// percentile returns a percentile by nearest rank, in milliseconds.
func (l latencies) percentile(percent float64) float64 {
	sorted := slices.Sorted(slices.Values(l))
	rank := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1].Seconds() * 1000
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// ownCPU returns the processor time that this process has used.
func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
