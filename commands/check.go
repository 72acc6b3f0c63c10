package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/database"
)

// finding is one thing that check has to say.
type finding struct {
	level   string // error, warning or advice
	subject string
	problem string
	remedy  string
}

const (
	levelError  = "error"
	levelAdvice = "advice"
)

func newCheck(c *console) *cobra.Command {
	var deploy bool
	command := &cobra.Command{
		Use:   "check",
		Short: "Look at settings, key, database and schema, and say what to do",
		Long: `Looks at settings, signing key, database and schema and prints each finding with its remedy. It changes nothing.

The exit code is 1 if there is an error among the findings.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, findings := c.checkSettings()
			if len(findings) == 0 {
				findings = append(checkKey(settings), c.checkDatabase(cmd.Context(), settings)...)
			}
			if deploy {
				findings = append(findings, deployFindings(settings)...)
			}
			return c.report(findings)
		},
	}
	command.Flags().BoolVar(&deploy, "deploy", false, "also look for what is unsafe on the internet")
	return command
}

// checkSettings loads the settings without making a secret key: a check changes nothing.
func (c *console) checkSettings() (config.Settings, []finding) {
	settings, err := config.Load(c.environ, ".")
	var findings []finding
	for _, warning := range settings.Warnings {
		findings = append(findings, finding{level: "warning", subject: "settings", problem: warning})
	}
	var faults config.Faults
	if errors.As(err, &faults) {
		for _, fault := range faults {
			findings = append(findings, finding{levelError, fault.Variable, fault.Problem, fault.Remedy})
		}
	}
	return settings, findings
}

func checkKey(settings config.Settings) []finding {
	if settings.JWT.Algorithm == "HS256" && !settings.SecretKey.IsSet() {
		return nil // SECRET_KEY is made on the first run
	}
	if _, err := signingKeys(settings); err != nil {
		return []finding{{levelError, "JWT_PRIVATE_KEY", err.Error(), "Give the PEM of a key that fits JWT_ALGORITHM"}}
	}
	return nil
}

func (c *console) checkDatabase(ctx context.Context, settings config.Settings) []finding {
	err := c.checkSchema(ctx, settings)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, database.ErrSchemaStale) && *settings.Database.AutoMigrate:
		return nil // serve will bring it up to date
	case errors.Is(err, database.ErrSchemaStale):
		return []finding{{levelError, "schema", err.Error(), "Run: latchkey migrate up"}}
	case errors.Is(err, database.ErrSchemaNewer):
		return []finding{{levelError, "schema", err.Error(), "Run the newer program, or go back with its: latchkey migrate down"}}
	default:
		return []finding{{levelError, "DATABASE_URL", err.Error(), "Check that " + settings.Database.Redacted() + " can be reached"}}
	}
}

// checkSchema compares the database's schema with the program's. A missing SQLite file is a stale schema; opening it would
// make it.
func (c *console) checkSchema(ctx context.Context, settings config.Settings) (err error) {
	if settings.Database.IsSQLite() {
		if _, err := os.Stat(settings.Database.Path()); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s does not exist yet", database.ErrSchemaStale, settings.Database.Path())
		}
	}
	migrator, err := database.NewMigrator(settings.Database.URL.Reveal(), c.logger(settings))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, migrator.Close()) }()
	return migrator.Check(ctx)
}

func deployFindings(settings config.Settings) []finding {
	var findings []finding
	for _, found := range config.DeployFindings(settings) {
		level := levelError
		if found.Advice {
			level = levelAdvice
		}
		findings = append(findings, finding{level, found.Variable, found.Problem, found.Remedy})
	}
	return findings
}

func (c *console) report(findings []finding) error {
	failed := false
	for _, found := range findings {
		failed = failed || found.level == levelError
		fmt.Fprintf(c.stdout, "%s: %s: %s\n", found.level, found.subject, found.problem)
		if found.remedy != "" {
			fmt.Fprintf(c.stdout, "    %s\n", found.remedy)
		}
	}
	if failed {
		return errFindings
	}
	fmt.Fprintln(c.stderr, "No errors found.")
	return nil
}
