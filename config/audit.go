package config

import "time"

// Audit configures the audit log: Retention is how long its events are kept.
type Audit struct {
	Retention time.Duration `env:"AUDIT_RETENTION" envDefault:"9600h"`
}

func auditSection() section {
	return section{
		title: "Audit log",
		variables: []description{
			{"AUDIT_RETENTION", "how long security-relevant events are kept"},
		},
		check: checkAudit,
	}
}

func checkAudit(c *checker) {
	c.within("AUDIT_RETENTION", c.settings.Audit.Retention, 24*time.Hour, 10*year)
}
