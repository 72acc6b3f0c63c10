package server_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/server"
)

func TestCheckHealth(t *testing.T) {
	t.Parallel()
	statuses := map[string]int{"/ok": http.StatusOK, "/down": http.StatusServiceUnavailable, "/moved": http.StatusFound}
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/ok")
		w.WriteHeader(statuses[r.URL.Path])
	}))
	defer asked.Close()
	addr := strings.TrimPrefix(asked.URL, "http://")
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	for _, addr := range []string{addr, ":" + port, "0.0.0.0:" + port, "localhost:" + port} {
		require.NoError(t, server.CheckHealth(t.Context(), addr, "/ok"), addr)
		require.ErrorContains(t, server.CheckHealth(t.Context(), addr, "/down"), "/down responded with 503 Service Unavailable")
		require.ErrorContains(t, server.CheckHealth(t.Context(), addr, "/moved"), "302")
	}
	require.ErrorContains(t, server.CheckHealth(t.Context(), "127.0.0.1:0", "/ok"), "port 0")
	require.ErrorContains(t, server.CheckHealth(t.Context(), "127.0.0.1:1", "/ok"), "refused")
}

func TestCheckHealth_DoesNotWaitForAServerThatHangs(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	require.ErrorContains(t, server.CheckHealth(t.Context(), silent.Addr().String(), "/ok"), "has not responded within "+(3*time.Second).String())
}
