package commands

import (
	"context"
	"log/slog"

	"latchkey/config"
	"latchkey/models"
	"latchkey/server"
)

// checkDeployment returns what is unsafe, or could be safer, about serving the internet, other than what was found already.
// Unless something has to be fixed first, it tries the servers that the settings name.
func (c *console) checkDeployment(ctx context.Context, settings config.Settings, found []config.Finding) []config.Finding {
	findings := append(config.DeployFindings(settings, found...), deployHash(settings)...)
	if !anyError(found) {
		findings = append(findings, c.checkServers(ctx, settings)...)
		findings = append(findings, c.checkSuperusers(ctx, settings)...)
	}
	return findings
}

// deployHash returns what production would refuse, before APP_ENV is changed to it.
func deployHash(settings config.Settings) []config.Finding {
	if settings.InProduction() {
		return nil
	}
	if server.CheckHashCosts(settings) != nil {
		return nil // checkHash reports it
	}
	settings.Environment = config.Production
	return checkHash(settings)
}

// checkServers tries the mail server and Redis.
func (c *console) checkServers(ctx context.Context, settings config.Settings) (findings []config.Finding) {
	with := server.Resources{Log: slog.New(slog.DiscardHandler), Now: c.now}
	if err := server.CheckMailServer(ctx, settings, with); err != nil {
		findings = append(findings, failure("mail server", err.Error(), "Fix SMTP_URL or the server: no mail is sent like this."))
	}
	if err := server.CheckRedis(ctx, settings, with); err != nil {
		findings = append(findings, failure("Redis", err.Error(),
			"Fix REDIS_URL or the server: like this, each replica counts rate limits for itself."))
	}
	return findings
}

// checkSuperusers warns if no superuser, or only one, could log in. It does not look at a database without the current schema.
func (c *console) checkSuperusers(ctx context.Context, settings config.Settings) []config.Finding {
	if c.checkSchema(ctx, settings) != nil {
		return nil
	}
	summary, err := c.summarize(ctx, settings)
	switch {
	case err != nil:
		return []config.Finding{warning("superusers", "can't be counted: "+err.Error(), "")}
	case summary.Superusers == 0:
		return []config.Finding{warning("superusers", "there is none", "Run: latchkey createsuperuser")}
	case summary.Superusers == 1:
		return []config.Finding{warning("superusers", "there is only one, and nobody to help if that account is lost",
			"Run: latchkey promote EMAIL")}
	}
	return nil
}

func (c *console) summarize(ctx context.Context, settings config.Settings) (summary models.Summary, err error) {
	err = c.withOpenDatabase(settings, func(with server.Resources) error {
		summary, err = models.Summarize(ctx, with.DB, c.now())
		return err
	})
	return summary, err
}
