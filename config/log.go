package config

import "log/slog"

// Log configures logging. Format is "text" or "json".
type Log struct {
	Format string     `env:"LOG_FORMAT" derived:"text"`
	Level  slog.Level `env:"LOG_LEVEL" envDefault:"info"`
}

func logSection() section {
	return section{
		title: "Logs",
		variables: []description{
			{"LOG_FORMAT", "text or json; by default json in production"},
			{"LOG_LEVEL", "debug, info, warn or error"},
		},
		complete: completeLog,
		check:    checkLog,
		deploy:   deployLog,
	}
}

func completeLog(s *Settings, _ map[string]string) {
	if s.Log.Format != "" {
		return
	}
	s.Log.Format = "text"
	if s.InProduction() {
		s.Log.Format = "json"
	}
}

func checkLog(c *checker) {
	c.oneOf("LOG_FORMAT", c.settings.Log.Format, "text", "json")
}

func deployLog(c *checker) {
	if c.settings.Log.Level <= slog.LevelDebug {
		c.warn("LOG_LEVEL", "is debug, which logs more about your users than operation requires", "Set LOG_LEVEL=info.")
	}
}
