package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"latchkey/database"
)

func newMigrate(c *console) *cobra.Command {
	migrate := &cobra.Command{
		Use:   "migrate",
		Short: "Update the database's schema, or roll back or list its migrations",
		Long: `Applies the migrations that are built into the program to the database of DATABASE_URL, or rolls back the last one.

Several processes may run it at the same time: one does the work and the others wait for it.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: missingSubcommand("up, down or status"),
	}
	migrate.AddCommand(
		c.migrateStep("up", "Apply every migration that is missing",
			`Applies every migration that the database lacks, and prints each. If one fails, it is rolled back completely and those
before it stay. On PostgreSQL, a migration that does not get a lock within half a second lets the requests pass and is
tried again, up to ten times. A database of a newer program is left as it is.`, c.migrateUp),
		c.migrateStep("down", "Roll back the last migration, and delete the data in what it created",
			`Rolls back the last migration, and prints it. The tables and columns that it created are deleted with their contents.
An older program whose "migrate status" succeeds serves the newer schema, and needs no rollback.`,
			c.migrateDown),
		c.migrateStep("status", "List the migrations; exit code 1 if one is missing",
			`Prints each migration with its number, its name and its state: "applied", "pending" or "unknown to this program". The
exit code is 0 if this program can serve the schema: none of its migrations is missing, and newer ones leave in place
what it uses.`,
			c.migrateStatus),
	)
	return migrate
}

func (c *console) migrateStep(
	name, short, long string, step func(context.Context, *database.Migrator) error,
) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short,
		Long:  long,
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := c.settings()
			if err != nil {
				return err
			}
			migrator, err := database.NewMigrator(settings.Database.URL.Reveal(), c.logger(settings))
			if err != nil {
				return err
			}
			if err = migrator.CheckEncoding(cmd.Context()); err == nil {
				err = step(cmd.Context(), migrator)
			}
			return errors.Join(err, migrator.Close())
		},
	}
}

func (c *console) migrateUp(ctx context.Context, migrator *database.Migrator) error {
	applied, err := migrator.Up(ctx)
	for _, migration := range applied {
		fmt.Fprintf(c.stdout, "applied %05d %s\n", migration.Version, migration.Name)
	}
	if err != nil || len(applied) > 0 {
		return err
	}
	migrations, err := migrator.Status(ctx)
	if err == nil && !c.saySchemaIsNewer(migrations) {
		fmt.Fprintln(c.stderr, "The schema is up to date.")
	}
	return err
}

// saySchemaIsNewer tells the operator, and reports, that the database has migrations that this program does not know but can
// serve.
func (c *console) saySchemaIsNewer(migrations []database.Migration) bool {
	isNewer := slices.ContainsFunc(migrations, func(m database.Migration) bool { return !m.Known })
	if isNewer {
		fmt.Fprintln(c.stderr, "The schema is newer than this program, which can serve it.")
	}
	return isNewer
}

func (c *console) migrateDown(ctx context.Context, migrator *database.Migrator) error {
	rolledBack, err := migrator.Down(ctx)
	switch {
	case err != nil:
		return err
	case rolledBack == nil:
		fmt.Fprintln(c.stderr, "There is no migration to roll back.")
	default:
		fmt.Fprintf(c.stdout, "rolled back %05d %s\n", rolledBack.Version, rolledBack.Name)
	}
	return nil
}

func (c *console) migrateStatus(ctx context.Context, migrator *database.Migrator) error {
	migrations, err := migrator.Status(ctx)
	if err != nil {
		return err
	}
	for _, migration := range migrations {
		state := "pending"
		switch {
		case !migration.Known:
			state = "unknown to this program"
		case migration.Applied:
			state = "applied"
		}
		fmt.Fprintf(c.stdout, "%05d  %-40s %s\n", migration.Version, migration.Name, state)
	}
	if err := migrator.Check(ctx); err != nil {
		return err
	}
	c.saySchemaIsNewer(migrations)
	return nil
}
