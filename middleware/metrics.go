package middleware

import (
	"cmp"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"latchkey/problems"
	"latchkey/ratelimit"
)

// Metrics counts requests and their outcomes. No label has a value that a client can choose.
type Metrics struct {
	requests  *prometheus.HistogramVec
	signups   *prometheus.CounterVec
	logins    *prometheus.CounterVec
	refreshes *prometheus.CounterVec
	decisions *prometheus.CounterVec
}

// NewMetrics returns the metrics of requests, registered with registry.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "latchkey_http_request_duration_seconds",
			Help:    "How long requests took, by the pattern of their route and the status of the response.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route", "status"}),
		signups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_signups_total", Help: "Sign-ups, by outcome: ok, or the code of the error.",
		}, []string{"outcome"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_logins_total", Help: "Logins, by outcome: ok, or the code of the error.",
		}, []string{"outcome"}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_refreshes_total",
			Help: "Refreshes of a session, by outcome: ok, ahead (the database had gone back), or the code of the error.",
		}, []string{"outcome"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_rate_limit_decisions_total",
			Help: "Decisions of the rate limits, by what was counted (address, account, recipient), outcome, and the store that counted.",
		}, []string{"limit", "by", "outcome", "store"}),
	}
	registry.MustRegister(m.requests, m.signups, m.logins, m.refreshes, m.decisions)
	for _, attempts := range []*prometheus.CounterVec{m.signups, m.logins, m.refreshes} {
		attempts.WithLabelValues(outcomeOK) // a comparison with a series that does not exist is never true
	}
	return m
}

// Measure counts every request after its response, with the method and route that Log logs.
func (m *Metrics) Measure(now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := now()
		defer func() { m.measure(c, now().Sub(start)) }() // after a panic too, by which a response is cut off
		c.Next()
	}
}

func (m *Metrics) measure(c *gin.Context, took time.Duration) {
	m.requests.WithLabelValues(
		knownMethod(c.Request.Method), route(c), strconv.Itoa(status(c)),
	).Observe(took.Seconds())
	switch c.GetString(attemptKey) {
	case attemptSignup:
		m.signups.WithLabelValues(outcome(c)).Inc()
	case attemptLogin:
		m.logins.WithLabelValues(outcome(c)).Inc()
	case attemptRefresh:
		m.refreshes.WithLabelValues(outcome(c)).Inc()
	}
}

// The keys and values by which Measure counts a request as a sign-up, a login or a refresh, too.
const (
	attemptKey     = "latchkey.attempt"
	attemptSignup  = "signup"
	attemptLogin   = "login"
	attemptRefresh = "refresh"
	outcomeKey     = "latchkey.outcome"
)

// CountSignup makes Measure count the request as a sign-up, by its outcome. It is placed as CountLogin is.
func CountSignup(c *gin.Context) { c.Set(attemptKey, attemptSignup) }

// CountLogin makes Measure count the request as a login, by its outcome. It has to be placed before the limits of its
// route; what refuses every request alike, such as a body that is too large, comes earlier and is not a login.
func CountLogin(c *gin.Context) { c.Set(attemptKey, attemptLogin) }

// CountRefresh makes Measure count the request as a refresh of a session, by its outcome.
func CountRefresh(c *gin.Context) { c.Set(attemptKey, attemptRefresh) }

// OutcomeAhead is that of a refresh whose token was newer than the database: a backup was restored, or a standby took over
// that had not received the last commits.
const OutcomeAhead = "ahead"

const outcomeOK = "ok"

// SetOutcome stores an outcome for Measure: the code of a problem that is not in the table, or that is written without leaving
// an error in the context, or OutcomeAhead.
func SetOutcome(c *gin.Context, code string) { c.Set(outcomeKey, code) }

// Decided counts a decision of a rate limit, by what was counted.
func (m *Metrics) Decided(limit, by string, decision ratelimit.Decision) {
	outcome := "allowed"
	if !decision.Allowed {
		outcome = "limited"
	}
	m.decisions.WithLabelValues(limit, by, outcome, decision.Store).Inc()
}

// route returns the pattern of the request's route, because a client can choose the path itself.
func route(c *gin.Context) string { return cmp.Or(c.FullPath(), "(none)") }

// outcome returns the code of the problem that the request ended in, in whatever form that was written, or "ok".
func outcome(c *gin.Context) string {
	if code := c.GetString(outcomeKey); code != "" {
		return code
	}
	if last := c.Errors.Last(); last != nil {
		return problems.Describe(last.Err).Code
	}
	return outcomeOK
}
