package server_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/server"
	"latchkey/testkit"
)

func TestNewHTTPServer_HasABoundForEachPhaseOfARequest(t *testing.T) {
	t.Parallel()
	listening := server.NewHTTPServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for name, bound := range map[string]int64{
		"header": int64(listening.ReadHeaderTimeout), "request": int64(listening.ReadTimeout),
		"response": int64(listening.WriteTimeout), "idle": int64(listening.IdleTimeout), "bytes": int64(listening.MaxHeaderBytes),
	} {
		require.Positive(t, bound, name)
	}
}

// OPTIONS * gets what any unknown path gets, not Go's own 200.
func TestNewHTTPServer_LeavesOPTIONSToTheHandler(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listening := server.NewHTTPServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	go func() { _ = listening.Serve(listener) }()
	defer listening.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, "http://"+listener.Addr().String(), nil)
	require.NoError(t, err)
	request.URL.Opaque = "*"
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNotFound, response.StatusCode)
}

func TestServer_ClosesIdleConnectionsAfterKeepAliveTimeout(t *testing.T) {
	t.Parallel()
	running := testkit.Serve(t, testkit.Environ("sqlite:latchkey.db", "AUTO_MIGRATE=true", "KEEP_ALIVE_TIMEOUT=1s"))
	connection, err := net.Dial("tcp", running.Addr(t))
	require.NoError(t, err)
	defer connection.Close()
	_, err = io.WriteString(connection, "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	start := time.Now()
	require.NoError(t, connection.SetReadDeadline(start.Add(testkit.Patience)))
	_, err = io.Copy(io.Discard, connection)
	require.NoError(t, err, "the server closes it")
	require.Less(t, time.Since(start), 50*time.Second, "not by another bound of its")
}
