//go:build torture

package torture

import (
	"net/http"
	"testing"
	"time"

	"latchkey/testkit"
)

// patient returns a client that waits for a response for a time.
func patient(d time.Duration) *http.Client {
	return &http.Client{Timeout: d, Transport: &http.Transport{DisableKeepAlives: true}}
}

// impatient signs up and hangs up after a time, response or not.
func impatient(t *testing.T, address, email string, after time.Duration) {
	t.Helper()
	requester{patient(after), address, time.Now()}.send(http.MethodPost, "signup", "", testkit.Credentials(email))
}
