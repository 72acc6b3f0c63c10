package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
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
process has the database open. The former database stays beside it, and the new file gets its owner and mode, so far as
this user may give files away.

It begins with what --check does alone: it reads the backup without changing it, and reports its schema, its integrity,
how many users, superusers and sessions are in it, when its newest event was, and whether SECRET_KEY opens its signing
keys. If something is wrong it stops there. With --force it goes on in spite of a wrong SECRET_KEY or the schema of a
newer program, and of nothing else.

Dumps of PostgreSQL are restored by pg_restore; the command then prints how, does nothing and exits with 3.`,
		Example: `  latchkey restore --check /var/backups/latchkey/latchkey-20261126T014500Z.db
  latchkey restore /var/backups/latchkey/latchkey-20261126T014500Z.db`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.restore(cmd.Context(), args[0], options)
		},
	}
	command.Flags().BoolVar(&options.check, "check", false, "only check the backup")
	command.Flags().BoolVar(&options.force, "force", false, "restore in spite of a wrong SECRET_KEY or a newer schema")
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
	err = c.report(findings)
	switch {
	case slices.ContainsFunc(findings, prevents):
		fmt.Fprintln(c.stderr, "Nothing is restored, and --force does not override all of that.")
		return err
	case err != nil && !options.force:
		fmt.Fprintln(c.stderr, "Nothing is restored. --force restores in spite of a wrong SECRET_KEY or a newer schema.")
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
	isKept, err := database.Restore(ctx, settings.Database.URL.Reveal(), path, kept, c.newShare("Restoring"))
	if isKept {
		fmt.Fprintf(c.stderr, "The former database is kept as %s.\n", kept)
	}
	if errors.Is(err, database.ErrInUse) {
		return fmt.Errorf("%s is in use; stop the service, and whatever else has it open, and try again", current)
	}
	if err != nil {
		return err
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

// explainRestore says how to try and restore a dump of PostgreSQL.
func (c *console) explainRestore(settings config.Settings, path string) error {
	url := settings.Database.ForPrograms()
	if url == "" {
		url = "postgres://latchkey@localhost:5432/latchkey"
	}
	target, err := newRestoreTarget(url)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stderr, `%[1]s is a dump of a PostgreSQL database. See what is in it:

  pg_restore --list %[1]s

Restore it into a new, empty database; over one that is in use, tables of newer migrations would stay. Stop all replicas,
have a superuser create the database, and fill it as the user of the service:

  createdb --maintenance-db=%[2]s --owner=%[3]s --encoding=UTF8 --template=template0 %[4]s
  pg_restore --no-owner --single-transaction --dbname=%[5]s %[1]s

Let DATABASE_URL name the new database, or rename both. If the backup is older than this program, run latchkey migrate up.
Then latchkey check says whether the schema fits, and whether SECRET_KEY opens the signing keys.

To try the dump only, do the same with the replicas running and DATABASE_URL set for those commands alone, and drop the
database afterwards. Don't start the service on it: it would send the mails that were waiting.

A dump that is plain SQL is read by psql --single-transaction --set=ON_ERROR_STOP=1 --file instead of pg_restore.
`, shellQuoted(path), shellQuoted(target.maintenance), shellQuoted(target.owner), shellQuoted(target.name),
		shellQuoted(target.url))
	return errElsewhere
}

// restoreTarget is the database into which a dump is restored, and where a superuser creates it.
type restoreTarget struct{ owner, name, url, maintenance string }

// newRestoreTarget returns a database beside the one at a PostgreSQL URL.
func newRestoreTarget(address string) (restoreTarget, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return restoreTarget{}, err
	}
	const usual = "latchkey"
	target := restoreTarget{
		owner: cmp.Or(parsed.User.Username(), usual),
		name:  cmp.Or(strings.TrimPrefix(parsed.Path, "/"), usual) + "_restored",
	}
	parsed.Path = "/" + target.name
	target.url = parsed.String()
	parsed.User, parsed.Path = url.User("postgres"), "/postgres"
	target.maintenance = parsed.String()
	return target, nil
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
