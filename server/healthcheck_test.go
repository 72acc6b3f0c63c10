package server_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/server"
)

func TestCheckReady(t *testing.T) {
	t.Parallel()
	var status atomic.Int32
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/healthz")
		if r.URL.Path == "/readyz" {
			w.WriteHeader(int(status.Load()))
		}
	}))
	defer asked.Close()
	addr := strings.TrimPrefix(asked.URL, "http://")
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	for _, addr := range []string{addr, ":" + port, "0.0.0.0:" + port, "localhost:" + port} {
		status.Store(http.StatusOK)
		require.NoError(t, server.CheckReady(t.Context(), addr), addr)
		status.Store(http.StatusServiceUnavailable)
		require.ErrorContains(t, server.CheckReady(t.Context(), addr), "/readyz responded with 503 Service Unavailable")
		status.Store(http.StatusFound)
		require.ErrorContains(t, server.CheckReady(t.Context(), addr), "302")
		require.NoError(t, server.CheckLive(t.Context(), addr), addr)
	}
	require.ErrorContains(t, server.CheckReady(t.Context(), "127.0.0.1:0"), "port 0")
	require.ErrorContains(t, server.CheckReady(t.Context(), "127.0.0.1:1"), "refused")
}

func TestCheckReady_DoesNotWaitForAServerThatHangs(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	require.ErrorContains(t, server.CheckReady(t.Context(), silent.Addr().String()), "has not responded within "+(3*time.Second).String())
}
