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

// listen serves at ADDR until ctx ends, and then shuts down as Run says.
func (s *Server) listen(ctx context.Context, hurry <-chan struct{}) error {
	listener, err := net.Listen("tcp", s.settings.Server.Addr)
	if err != nil {
		return fmt.Errorf("listen at ADDR %s: %w", s.settings.Server.Addr, err)
	}
	server := NewHTTPServer(s.Engine, s.log)
	s.log.InfoContext(ctx, "listening", "url", "http://"+listener.Addr().String())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.announceEnd(server, hurry)
	return drain(server, s.settings.Server.ShutdownTimeout)
}

// announceEnd lets load balancers learn from /readyz that this replica is about to end, while it still serves what they send.
func (s *Server) announceEnd(server *http.Server, hurry <-chan struct{}) {
	delay := s.settings.Server.ShutdownDelay
	s.log.Info("shutting down", "listening_for", delay, "draining_for_at_most", s.settings.Server.ShutdownTimeout)
	s.readiness.stopping.Store(true)
	server.SetKeepAlivesEnabled(false)
	select {
	case <-time.After(delay):
	case <-hurry:
	}
}

// drain waits for the requests in progress, and closes the connections of those that are not done within bound.
func drain(server *http.Server, bound time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were still under way after %s: %w", bound, err), server.Close())
	}
	return nil
}
