package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 128 * 1024
)

// NewHTTPServer constructs an HTTP server with a timeout on every phase of a request.
func NewHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:                      handler,
		ReadHeaderTimeout:            readHeaderTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		DisableGeneralOptionsHandler: true,
	}
}

// listen serves at ADDR until ctx ends, and returns the server, which still listens.
func (s *Server) listen(ctx context.Context) (*http.Server, error) {
	settings := s.settings.Server
	listener, err := net.Listen("tcp", settings.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen at ADDR %s: %w", settings.Addr, err)
	}
	server := NewHTTPServer(http.HandlerFunc(s.serveHTTP), s.log)
	server.WriteTimeout = max(writeTimeout, 2*settings.RequestTimeout)
	server.IdleTimeout = settings.KeepAliveTimeout
	s.log.InfoContext(ctx, "listening", "url", "http://"+listener.Addr().String())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return server, err
	case <-ctx.Done():
		return server, nil
	}
}

// serveHTTP handles a request. Once the end is announced, its connection takes no other: closing those that are idle would cut
// off what a proxy is just sending.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if s.readiness.stopping.Load() {
		w.Header().Set("Connection", "close")
	}
	s.Engine.ServeHTTP(w, r)
}

// announceEnd lets load balancers learn from /readyz that this replica is about to end, while it still serves what they send.
func (s *Server) announceEnd(hurry <-chan struct{}) {
	delay := s.settings.Server.ShutdownDelay
	s.log.Info("shutting down", "listening_for", delay, "draining_for_at_most", s.settings.Server.ShutdownTimeout)
	s.readiness.stopping.Store(true)
	select {
	case <-time.After(delay):
	case <-hurry:
	}
}

// drain waits until ctx ends for the requests in progress, and then closes the connections of those that are not done. A server
// that never listened has none.
func drain(ctx context.Context, server *http.Server) error {
	if server == nil {
		return nil
	}
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were still in progress after SHUTDOWN_TIMEOUT: %w", err), server.Close())
	}
	return nil
}
