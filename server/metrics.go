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

	"latchkey/models"
	"latchkey/passwords"
	"latchkey/ratelimit"
)

// newRegistry returns a registry of the metrics of the process, the build, the readiness, the database, the hashing, the recorded
// events and Redis, which may be nil. Package middleware registers those of requests.
func newRegistry(p parts, redis *ratelimit.Redis) (*prometheus.Registry, error) {
	pool, err := p.DB.DB()
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewDBStatsCollector(pool, "latchkey"),
		newDatabaseMetrics(p),
		newEventMetrics(p.Audit),
		newBuildInfo(ReadBuild()),
	)
	watchHashes(registry, p.Hasher)
	registry.MustRegister(newSwitch("latchkey_ready", "1 if GET /readyz returns 200 now, 0 otherwise.",
		func() bool { return p.ready(context.Background()) == nil }))
	if redis != nil {
		registry.MustRegister(newSwitch("latchkey_rate_limit_redis_up",
			"1 if Redis answers, 0 if each replica counts for itself.", redis.Up))
	}
	return registry, nil
}

// newSwitch returns a metric that is 1 while isOn returns true, and 0 otherwise.
func newSwitch(name, help string, isOn func() bool) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
		if isOn() {
			return 1
		}
		return 0
	})
}

// newBuildInfo returns a metric that is always 1 and bears what the program was built from.
func newBuildInfo(build Build) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "latchkey_build_info", Help: "Always 1; the labels say what the program was built from.",
		ConstLabels: prometheus.Labels{"version": build.Version, "commit": build.Commit, "go": build.Go},
	}, func() float64 { return 1 })
}

// eventMetrics counts the security events that this process recorded, by their kind.
type eventMetrics struct {
	audit *models.AuditLog
	desc  *prometheus.Desc
}

func newEventMetrics(audit *models.AuditLog) eventMetrics {
	return eventMetrics{audit, prometheus.NewDesc("latchkey_security_events_total",
		"Security events that this process recorded, by the kind that they have in audit_events.", []string{"kind"}, nil)}
}

// Describe sends the description of the metric.
func (m eventMetrics) Describe(into chan<- *prometheus.Desc) { into <- m.desc }

// Collect sends the count of each kind.
func (m eventMetrics) Collect(into chan<- prometheus.Metric) {
	for kind, count := range m.audit.Counts() {
		into <- prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, float64(count), kind)
	}
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

// maxScrapes bounds the scrapes under way at once, since each reads from the database. Further ones get 503.
const maxScrapes = 4

// NewMetricsHandler returns a handler that serves the metrics of gatherer at GET /metrics, and 404 elsewhere.
func NewMetricsHandler(gatherer prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))
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
