package middleware

import (
	"cmp"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"latchkey/ratelimit"
)

// Metrics counts requests and what became of them. No label holds anything that a client can choose.
type Metrics struct {
	requests  *prometheus.HistogramVec
	logins    *prometheus.CounterVec
	refreshes *prometheus.CounterVec
	decisions *prometheus.CounterVec
}

// NewMetrics makes the metrics of requests and registers them.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "latchkey_http_request_duration_seconds",
			Help:    "How long requests took, by the pattern of their route and the status of the answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route", "status"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_logins_total", Help: "Logins, by outcome: ok, or the code of the error.",
		}, []string{"outcome"}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_refreshes_total", Help: "Refreshes of a session, by outcome: ok, or the code of the error.",
		}, []string{"outcome"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_rate_limit_decisions_total",
			Help: "Decisions of the rate limits, by what was counted (address or account), by outcome, and by where it was counted.",
		}, []string{"limit", "by", "outcome", "store"}),
	}
	registry.MustRegister(m.requests, m.logins, m.refreshes, m.decisions)
	return m
}

// Measure counts every request once it is answered, as Log writes it.
func (m *Metrics) Measure(now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := now()
		c.Next()
		m.requests.WithLabelValues(
			knownMethod(c.Request.Method), route(c), strconv.Itoa(c.Writer.Status()),
		).Observe(now().Sub(start).Seconds())
		switch c.FullPath() {
		case "/api/v1/login":
			m.logins.WithLabelValues(outcome(c)).Inc()
		case "/api/v1/token/refresh":
			m.refreshes.WithLabelValues(outcome(c)).Inc()
		}
	}
}

func (m *Metrics) decided(limit, by string, decision ratelimit.Decision) {
	outcome := "allowed"
	if !decision.Allowed {
		outcome = "limited"
	}
	m.decisions.WithLabelValues(limit, by, outcome, decision.Store).Inc()
}

// route is the pattern of the request's route; the path itself can be anything.
func route(c *gin.Context) string { return cmp.Or(c.FullPath(), "(none)") }

// outcome is the code of the problem that a request was answered with, or ok.
func outcome(c *gin.Context) string { return cmp.Or(c.GetString(problemCodeKey), "ok") }
