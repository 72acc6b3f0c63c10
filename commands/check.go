package commands

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/server"
)

func newCheck(c *console) *cobra.Command {
	var deploy bool
	command := &cobra.Command{
		Use:   "check",
		Short: "Check settings, key, database and schema, and say how to fix what is wrong",
		Long: `Checks the settings, the signing key, the mail templates, the database with its schema, clock, replication and any
connection pooler in front of it, the room on the disk and the age of the backups, and prints each finding with its
remedy. It changes nothing.

With --deploy it also reports what is unsafe on the internet, and tries the mail server and Redis. It sends no mail.

The exit code is 1 if one of the findings is an error.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, findings := c.checkSettings()
			if !anyError(findings) {
				findings = append(findings, checkKey(settings)...)
				findings = append(findings, checkTemplates(settings)...)
				findings = append(findings, checkHash(settings)...)
				findings = append(findings, c.checkDatabase(cmd.Context(), settings)...)
			}
			if deploy {
				findings = append(findings, c.checkDeployment(cmd.Context(), settings, findings)...)
			}
			return c.report(findings)
		},
	}
	command.Flags().BoolVar(&deploy, "deploy", false, "also report what is unsafe on the internet")
	return command
}

// checkSettings loads the settings without creating a secret key, since a check changes nothing.
func (c *console) checkSettings() (config.Settings, []config.Finding) {
	settings, err := config.Load(c.environ, ".")
	var findings []config.Finding
	for _, warning := range settings.Warnings {
		findings = append(findings, config.Finding{Level: config.LevelWarning, Subject: "settings", Problem: warning})
	}
	var invalid config.LoadError
	if errors.As(err, &invalid) {
		return settings, append(findings, invalid...)
	}
	return settings, append(findings, checkSecretFile(&settings)...)
}

// checkSecretFile reads the secret key that an earlier run created, if there is one.
func checkSecretFile(settings *config.Settings) []config.Finding {
	if _, err := os.Stat(config.SecretKeyPath(*settings)); settings.SecretKey.IsSet() || err != nil {
		return nil
	}
	if _, err := config.EnsureSecretKey(settings); err != nil {
		return []config.Finding{failure("SECRET_KEY", err.Error(), "")}
	}
	return nil
}

func checkKey(settings config.Settings) []config.Finding {
	if err := server.CheckSigningKey(settings); err != nil {
		return []config.Finding{failure("JWT_PRIVATE_KEY", err.Error(), "Give the PEM of a key that fits JWT_ALGORITHM")}
	}
	return nil
}

func checkTemplates(settings config.Settings) []config.Finding {
	if err := server.CheckTemplates(settings); err != nil {
		return []config.Finding{failure("MAIL_TEMPLATES_DIR", err.Error(), "Fix the file, or remove it to use the built-in one")}
	}
	return nil
}

const calibrate = "Run: latchkey passwords calibrate"

func checkHash(settings config.Settings) []config.Finding {
	if err := server.CheckHashCosts(settings); err != nil {
		return []config.Finding{failure("PASSWORD_HASH", err.Error(), calibrate)}
	}
	return nil
}

func failure(subject, problem, remedy string) config.Finding {
	return config.Finding{Level: config.LevelError, Subject: subject, Problem: problem, Remedy: remedy}
}

func warning(subject, problem, remedy string) config.Finding {
	return config.Finding{Level: config.LevelWarning, Subject: subject, Problem: problem, Remedy: remedy}
}

// report prints the findings. It returns errFindings if one of them is an error.
func (c *console) report(findings []config.Finding) error {
	for _, finding := range findings {
		fmt.Fprintf(c.stdout, "%s: %s: %s\n", finding.Level, finding.Subject, finding.Problem)
		if finding.Remedy != "" {
			fmt.Fprintf(c.stdout, "    %s\n", finding.Remedy)
		}
	}
	if anyError(findings) {
		return errFindings
	}
	fmt.Fprintln(c.stderr, "No errors found.")
	return nil
}

func anyError(findings []config.Finding) bool {
	return slices.ContainsFunc(findings, func(f config.Finding) bool { return f.Level == config.LevelError })
}
