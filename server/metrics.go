package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"gorm.io/gorm"

	"latchkey/passwords"
	"latchkey/ratelimit"
)

// newRegistry returns a registry of the metrics of the process, the database's connections, the hashing and Redis, which may
// be nil. Package middleware registers those of requests.
func newRegistry(db *gorm.DB, hasher *passwords.Pool, redis *ratelimit.Redis) (*prometheus.Registry, error) {
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewDBStatsCollector(pool, "latchkey"),
	)
	watchHashes(registry, hasher)
	if redis != nil {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "latchkey_rate_limit_redis_up", Help: "1 if Redis answers, 0 if each replica counts for itself.",
		}, func() float64 {
			if redis.Up() {
				return 1
			}
			return 0
		}))
	}
	return registry, nil
}

// watchHashes registers the metrics of hasher.
func watchHashes(registry *prometheus.Registry, hasher *passwords.Pool) {
	count := func(name, help string, read func(passwords.Stats) uint64) {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return float64(read(hasher.Stats())) }))
	}
	count("latchkey_password_hashes_total", "Password hashes computed.",
		func(s passwords.Stats) uint64 { return s.Hashes })
	count("latchkey_password_hash_waits_total", "Password hashes that had to queue for a free slot.",
		func(s passwords.Stats) uint64 { return s.Waited })
	count("latchkey_password_hash_refusals_total", "Password hashes that could not start in time, answered 503.",
		func(s passwords.Stats) uint64 { return s.Refused })
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "latchkey_password_hash_queue", Help: "Requests that wait for a free slot to hash in now.",
	}, func() float64 { return float64(hasher.Stats().Waiting) }))
}

// NewMetricsHandler returns a handler that serves the metrics of gatherer at GET /metrics, and 404 elsewhere.
func NewMetricsHandler(gatherer prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{}))
	return mux
}

// serveMetrics serves the metrics of gatherer at addr until stop is called; without addr it does nothing.
func serveMetrics(ctx context.Context, addr string, gatherer prometheus.Gatherer, log *slog.Logger) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen at METRICS_ADDR %s: %w", addr, err)
	}
	log.InfoContext(ctx, "serving metrics", "url", "http://"+listener.Addr().String()+"/metrics")
	server := NewHTTPServer(NewMetricsHandler(gatherer), log)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("serving metrics ended", "error", err)
		}
	}()
	return func() {
		_ = server.Close()
		<-done
	}, nil
}
