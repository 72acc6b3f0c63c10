package commands

import (
	"fmt"
	"log/slog"

	"latchkey/config"
)

// settings loads the settings and, in development, makes the secret key that they may leave out.
func (c *console) settings() (config.Settings, error) {
	settings, err := config.Load(c.environ, ".")
	for _, warning := range settings.Warnings {
		fmt.Fprintf(c.stderr, "latchkey: warning: %s\n", warning)
	}
	if err != nil {
		return settings, err
	}
	created, err := config.EnsureSecretKey(&settings)
	if created != "" {
		fmt.Fprintf(c.stderr, "latchkey: made a secret key in %s; keep it with the database\n", created)
	}
	return settings, err
}

// logger writes to stderr as LOG_FORMAT and LOG_LEVEL say.
func (c *console) logger(settings config.Settings) *slog.Logger {
	options := &slog.HandlerOptions{Level: settings.Log.Level}
	if settings.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(c.stderr, options))
	}
	return slog.New(slog.NewTextHandler(c.stderr, options))
}
