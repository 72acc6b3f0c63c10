//go:build !release

package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"latchkey/database/makemigrations"
	"latchkey/server"
)

// migrationsFolder is the folder of the migrations, seen from the project's root.
const migrationsFolder = "database/migrations"

func newMakeMigrations(c *console) *cobra.Command {
	var check bool
	command := &cobra.Command{
		Use:   "makemigrations NAME",
		Short: "Write the migration for what changed in the models",
		Long: `Compares the models with the migrations in database/migrations and writes the next one, for SQLite and for
PostgreSQL. It works on temporary databases; PostgreSQL's server programs have to be installed.

The first line of each file says whether older programs can serve the new schema (expand) or can't (contract).

Run it in the project's root: go run . makemigrations NAME. Read what it wrote before you commit it.`,
		Args: usageArgs(func(cmd *cobra.Command, args []string) error {
			if check {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			input, err := c.migrationInput()
			if err != nil {
				return err
			}
			if check {
				return makemigrations.Check(cmd.Context(), input)
			}
			input.Name = args[0]
			return c.makeMigration(cmd.Context(), input)
		},
	}
	command.Flags().BoolVar(&check, "check", false, "write nothing; exit code 1 if models and migrations differ")
	return command
}

func (c *console) migrationInput() (makemigrations.Input, error) {
	if _, err := os.Stat(migrationsFolder); err != nil {
		return makemigrations.Input{}, fmt.Errorf("there is no %s here: run makemigrations in the project's root", migrationsFolder)
	}
	return makemigrations.Input{
		Models:     server.Tables(),
		Migrations: os.DirFS(migrationsFolder),
		Progress:   func(doing string) { fmt.Fprintln(c.stderr, doing) },
	}, nil
}

func (c *console) makeMigration(ctx context.Context, input makemigrations.Input) error {
	result, err := makemigrations.Generate(ctx, input)
	if err != nil {
		return err
	}
	if len(result.Files) == 0 {
		fmt.Fprintln(c.stderr, "No changes detected.")
		return nil
	}
	for _, warning := range result.Warnings {
		fmt.Fprintf(c.stderr, "warning: %s\n", warning)
	}
	for _, file := range result.Files {
		path := filepath.Join(migrationsFolder, file.Path)
		if err := writeNew(path, file.Content); err != nil {
			return err
		}
		fmt.Fprintln(c.stdout, path)
	}
	return nil
}

// writeNew writes a file that must not exist yet.
func writeNew(path, content string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already", path)
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	return errors.Join(err, file.Close())
}
