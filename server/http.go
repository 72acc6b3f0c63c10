package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"latchkey/config"
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

// listen serves at ADDR until ctx ends. Then it accepts no more requests, and waits for those in progress, up to
// SHUTDOWN_TIMEOUT.
func listen(ctx context.Context, settings config.Settings, handler http.Handler, log *slog.Logger) error {
	listener, err := net.Listen("tcp", settings.Server.Addr)
	if err != nil {
		return fmt.Errorf("listen at ADDR %s: %w", settings.Server.Addr, err)
	}
	server := NewHTTPServer(handler, log)
	log.InfoContext(ctx, "listening", "url", "http://"+listener.Addr().String())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return drain(server, settings.Server.ShutdownTimeout, log)
	}
}

// drain waits for the requests in progress, and closes the connections of those that are not done within bound.
func drain(server *http.Server, bound time.Duration, log *slog.Logger) error {
	log.Info("shutting down", "at_most", bound)
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were still under way after %s: %w", bound, err), server.Close())
	}
	return nil
}
