package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/database"
)

type restoreOptions struct{ check, force, noInput bool }

func newRestore(c *console) *cobra.Command {
	var options restoreOptions
	command := &cobra.Command{
		Use:   "restore FILE",
		Short: "Replace an SQLite database by a backup, or check whether that would work",
		Long: `Replaces the SQLite database of DATABASE_URL by the backup FILE. Stop the service first: the command refuses while a
process has the database open. The former database stays beside it.

It begins with what --check does alone: it reads the backup without changing it, and reports its schema, its integrity,
how many users, superusers and sessions are in it, when its newest event was, and whether SECRET_KEY opens its signing
keys. If something is wrong it stops there; with --force it goes on in spite of a wrong SECRET_KEY or a schema of
another program.

Dumps of PostgreSQL are restored by pg_restore; the command then prints how, does nothing and exits with 3.`,
		Example: `  latchkey restore --check /var/backups/latchkey/latchkey-20261126T014500Z.db
  latchkey restore /var/backups/latchkey/latchkey-20261126T014500Z.db`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.restore(cmd.Context(), args[0], options)
		},
	}
	command.Flags().BoolVar(&options.check, "check", false, "only check the backup")
	command.Flags().BoolVar(&options.force, "force", false, "restore in spite of what the check finds")
	command.Flags().BoolVar(&options.noInput, "no-input", false, "don't ask for confirmation")
	return command
}

func (c *console) restore(ctx context.Context, path string, options restoreOptions) error {
	settings, err := config.LoadFor(c.environ, ".", "DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS")
	if err != nil {
		return err
	}
	dialect, err := database.BackupDialect(path)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case dialect == database.Postgres:
		return c.explainRestore(settings, path)
	}
	findings := append(checkSecretFile(&settings), c.inspect(ctx, path, settings)...)
	if options.check {
		return c.report(findings)
	}
	if err := restorable(path, settings); err != nil {
		return err
	}
	if err := c.report(findings); err != nil && !options.force {
		fmt.Fprintln(c.stderr, "Nothing is restored. --force restores in spite of a wrong SECRET_KEY or another schema.")
		return err
	}
	return c.replaceDatabase(ctx, path, settings, options)
}

// restorable returns why the backup at path can't take the place of the configured database, whatever is in it.
func restorable(path string, settings config.Settings) error {
	if !settings.Database.IsSQLite() {
		return errors.New("the backup is an SQLite database, and DATABASE_URL names a PostgreSQL server, where it can't be restored")
	}
	backup, err := os.Stat(path)
	if err != nil {
		return err
	}
	current, err := os.Stat(settings.Database.Path())
	if err == nil && os.SameFile(backup, current) {
		return fmt.Errorf("%s is the database itself", path)
	}
	return nil
}

func (c *console) replaceDatabase(ctx context.Context, path string, settings config.Settings, options restoreOptions) error {
	current := settings.Database.Path()
	if _, err := os.Stat(current); err == nil && !options.noInput {
		if err := c.confirmRestore(ctx, current); err != nil {
			return err
		}
	}
	kept := current + ".before-restore-" + c.now().UTC().Format("20060102T150405Z")
	wasThere, err := database.Restore(ctx, settings.Database.URL.Reveal(), path, kept, c.newShare("Restoring"))
	if errors.Is(err, database.ErrInUse) {
		return fmt.Errorf("%s is in use; stop the service, and whatever else has it open, and try again", current)
	}
	if err != nil {
		return err
	}
	if wasThere {
		fmt.Fprintf(c.stderr, "The former database is kept as %s.\n", kept)
	}
	fmt.Fprintf(c.stderr, `%s is restored. What happened since the backup is lost: new accounts, new passwords, disabled accounts.
If the backup was restored because of a break-in, log everybody out before you start the service: latchkey endsessions --all
`, current)
	return nil
}

// confirmRestore asks for a word, so that a command recalled from the shell's history by mistake replaces nothing.
func (c *console) confirmRestore(ctx context.Context, current string) error {
	prompt, err := c.newPrompter()
	if err != nil {
		return fmt.Errorf("%w; use --no-input to restore without confirmation", err)
	}
	typed, err := converse(ctx, prompt, func() (string, error) {
		return prompt.line("Type restore to replace " + current + ": ")
	})
	if err == nil && typed != "restore" {
		return errors.New("not confirmed; nothing is restored")
	}
	return err
}

// explainRestore says how to check and restore a dump of PostgreSQL.
func (c *console) explainRestore(settings config.Settings, path string) error {
	url := settings.Database.ForPrograms()
	if url == "" {
		url = "postgres://latchkey@localhost:5432/latchkey"
	}
	fmt.Fprintf(c.stderr, `%[1]s is a dump of a PostgreSQL database. See what is in it, and try it in a database of its own:

  pg_restore --list %[1]s
  createdb --encoding=UTF8 --template=template0 latchkey_trial
  pg_restore --no-owner --exit-on-error --dbname=latchkey_trial %[1]s

Then run latchkey check with DATABASE_URL naming that database: it says whether the schema fits, and a start of the service
whether SECRET_KEY opens the signing keys. To restore it, stop all replicas:

  pg_restore --clean --if-exists --no-owner --exit-on-error --dbname=%[2]s %[1]s

A dump that is plain SQL is read by psql --file instead of pg_restore.
`, shellQuoted(path), shellQuoted(url))
	return errElsewhere
}

// ageOf returns a moment with how long ago it was, or a word if there was none.
func (c *console) ageOf(at time.Time) string {
	if at.IsZero() {
		return "none"
	}
	return fmt.Sprintf("%s (%s ago)", stamp(&at), c.now().Sub(at).Round(time.Second))
}

// table writes rows of a name and a value to standard output.
func (c *console) table(rows [][2]string) {
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(table, "%s:\t%s\n", row[0], row[1])
	}
	_ = table.Flush() // what it writes to is checked by nobody else either
}

// sizeOf returns the size of a file in words.
func sizeOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "?"
	}
	return fmt.Sprintf("%.1f MiB", float64(info.Size())/(1<<20))
}
