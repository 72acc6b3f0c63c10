package config

import "time"

// Session configures how long a login lasts: at most IdleTimeout without a refresh, and at most Lifetime. For RefreshGrace
// after a refresh, presenting the same refresh token again returns the same response.
type Session struct {
	IdleTimeout  time.Duration `env:"SESSION_IDLE_TIMEOUT" envDefault:"720h"`
	Lifetime     time.Duration `env:"SESSION_LIFETIME" envDefault:"8760h"`
	RefreshGrace time.Duration `env:"REFRESH_GRACE" envDefault:"30s"`
}

func sessionsSection() section {
	return section{
		title: "Sessions",
		variables: []description{
			{"SESSION_IDLE_TIMEOUT", "how long a session lasts without a refresh"},
			{"SESSION_LIFETIME", "how long a session lasts at most"},
			{"REFRESH_GRACE", "how long a refresh token gets the same response again, for retries and concurrent requests"},
		},
		check: checkSessions,
	}
}

func checkSessions(c *checker) {
	session := c.settings.Session
	c.within("SESSION_IDLE_TIMEOUT", session.IdleTimeout, time.Minute, 10*year)
	c.within("SESSION_LIFETIME", session.Lifetime, time.Minute, 10*year)
	c.within("REFRESH_GRACE", session.RefreshGrace, 0, 10*time.Minute)
}
