package server_test

import (
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/server"
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
