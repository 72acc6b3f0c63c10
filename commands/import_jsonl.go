package commands

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/importer"
	"latchkey/models"
)

func newImportJSONL(c *console) *cobra.Command {
	var from linesSource
	var options importOptions
	command := &cobra.Command{
		Use:   "jsonl [--from FILE]",
		Short: "Import accounts from JSON: a file of Latchkey, Keycloak or Firebase",
		Long: `Imports accounts from JSON in a file or on standard input: the output of "latchkey export", which has one object per
line, the export of a realm of Keycloak, or the users.json of Firebase. docs/import.md has an example for each, and for
Supabase and Auth0.

Hashes of bcrypt, argon2, scrypt and PBKDF2 are kept as they are. Those of Firebase need the project's parameters, in a
JSON file that --hash-config names.`,
		Example: `  latchkey export --with-hashes | DATABASE_URL=postgres://… latchkey import jsonl
  latchkey import jsonl --format keycloak --from realm.json
  latchkey import jsonl --format firebase --from users.json --hash-config hash-config.json`,
		Args: usageArgs(noPassword(0)),
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := from.reader()
			if err != nil {
				return err
			}
			settings, err := c.settings()
			if err != nil {
				return err
			}
			return c.importLines(cmd.Context(), settings, options, from.from, format)
		},
	}
	command.Flags().StringVar(&from.from, "from", "-", "the path of a file, or - for standard input")
	command.Flags().StringVar(&from.format, "format", importer.NameLatchkey, "who wrote the JSON: latchkey, keycloak or firebase")
	command.Flags().StringVar(&from.hashConfig, "hash-config", "", "the file with the parameters of Firebase's hashes")
	options.addTo(command)
	command.SetFlagErrorFunc(unrepeatedFlags)
	return command
}

// linesSource is where the lines of JSON are, and how to read them.
type linesSource struct {
	from       string
	format     string
	hashConfig string
}

func (s linesSource) reader() (importer.Format, error) {
	switch s.format {
	case importer.NameLatchkey:
		return importer.Latchkey(), nil
	case importer.NameKeycloak:
		return importer.Keycloak(), nil
	case importer.NameFirebase:
		if s.hashConfig == "" {
			return importer.Format{}, fmt.Errorf("--format firebase needs --hash-config; %w", errUsage)
		}
		content, err := os.ReadFile(s.hashConfig)
		if err != nil {
			return importer.Format{}, err
		}
		return importer.Firebase(content)
	}
	return importer.Format{}, fmt.Errorf("--format has to be latchkey, keycloak or firebase; %w", errUsage)
}

func (c *console) importLines(
	ctx context.Context, settings config.Settings, options importOptions, path string, format importer.Format,
) (err error) {
	lines, err := c.openInput(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lines.Close()) }()
	return c.importFrom(ctx, settings, options, accountSource{
		read: func(visit func(models.ExternalAccount) error) error {
			return importer.ReadJSON(lines, format, visit)
		},
		share: lines.share,
	})
}
