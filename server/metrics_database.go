package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"latchkey/jobs"
	"latchkey/models/keys"
)

// scrapeTimeout bounds what a scrape reads from the database, so that one that is away delays no other metric for longer.
const scrapeTimeout = time.Second

// databaseMetrics are the metrics that a scrape reads from the database. Every replica reports the same numbers. While the
// database does not respond in time, only up is reported.
type databaseMetrics struct {
	jobs        func(context.Context) ([]jobs.Count, error)
	signingKeys func(context.Context) ([]keys.SigningKey, error) // nil unless the keys are in the database
	now         func() time.Time

	up        *prometheus.Desc
	jobCount  *prometheus.Desc
	mailAge   *prometheus.Desc
	activated *prometheus.Desc
}

func newDatabaseMetrics(p parts) *databaseMetrics {
	m := &databaseMetrics{
		jobs: p.Queue.Counts, now: p.Now,
		up: prometheus.NewDesc("latchkey_database_up",
			"1 if the database responded to this scrape within a second, 0 otherwise.", nil, nil),
		jobCount: prometheus.NewDesc("latchkey_jobs",
			"Jobs that have not succeeded, by kind (mail or sweep) and state (waiting, sending, failing or dead).",
			[]string{"kind", "state"}, nil),
		mailAge: prometheus.NewDesc("latchkey_mail_oldest_seconds",
			"For how long the oldest mail that will still be tried has been in the queue, 0 without one.", nil, nil),
	}
	if p.settings.JWT.ManagesKeys() {
		m.signingKeys = NewSigningKeyManager(p.settings, p.Resources).List
		m.activated = prometheus.NewDesc("latchkey_signing_key_activated_timestamp_seconds",
			"When the key that signs access tokens began to, in seconds since 1970.", nil, nil)
	}
	return m
}

// Describe sends the descriptions of the metrics.
func (m *databaseMetrics) Describe(into chan<- *prometheus.Desc) {
	into <- m.up
	into <- m.jobCount
	into <- m.mailAge
	if m.activated != nil {
		into <- m.activated
	}
}

// Collect reads the metrics from the database.
func (m *databaseMetrics) Collect(into chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	send := func(desc *prometheus.Desc, value float64, labels ...string) {
		into <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	counts, err := m.jobs(ctx)
	var signing []keys.SigningKey
	if err == nil && m.signingKeys != nil {
		signing, err = m.signingKeys(ctx)
	}
	if err != nil {
		send(m.up, 0)
		return
	}
	send(m.up, 1)
	m.sendJobs(counts, send)
	for _, key := range signing {
		if key.State == keys.Active {
			send(m.activated, float64(key.ActivatedAt.Unix()))
		}
	}
}

func (m *databaseMetrics) sendJobs(counts []jobs.Count, send func(*prometheus.Desc, float64, ...string)) {
	numbers := map[[2]string]int64{} // with zeros, so that an alert sees a first dead mail as an increase
	for _, kind := range jobs.Kinds() {
		for _, state := range jobs.States() {
			numbers[[2]string{kind, state}] = 0
		}
	}
	var oldest time.Duration
	for _, count := range counts {
		numbers[[2]string{count.Kind, count.State}] = count.Jobs
		if count.Kind == (jobs.Mail{}).Kind() && count.State != jobs.Dead {
			oldest = max(oldest, m.now().Sub(count.Oldest))
		}
	}
	for labels, number := range numbers {
		send(m.jobCount, float64(number), labels[0], labels[1])
	}
	send(m.mailAge, oldest.Seconds())
}
