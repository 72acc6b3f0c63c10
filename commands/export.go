package commands

import (
	"bufio"
	"context"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"latchkey/importer"
	"latchkey/models"
)

func newExport(c *console) *cobra.Command {
	var withHashes bool
	command := &cobra.Command{
		Use:   "export",
		Short: "Write every account as a line of JSON",
		Long: `Writes every account to standard output, as one JSON object a line, for "latchkey import jsonl" or another system.

Password hashes are left out unless --with-hashes is given. Anyone who has the hashes can try passwords against them:
keep the output out of logs and out of folders that others can read.`,
		Example: "  latchkey export --with-hashes > accounts.jsonl",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := c.settings()
			if err != nil {
				return err
			}
			line := importer.NewLine
			if withHashes {
				line = lineWithHash
			}
			return c.withUsers(cmd.Context(), settings, func(users *models.UserManager) error {
				return c.export(cmd.Context(), users, line)
			})
		},
	}
	command.Flags().BoolVar(&withHashes, "with-hashes", false, "write password hashes too")
	return command
}

func lineWithHash(user *models.User) importer.Line {
	line := importer.NewLine(user)
	line.PasswordHash = user.Password
	return line
}

func (c *console) export(ctx context.Context, users *models.UserManager, line func(*models.User) importer.Line) error {
	out := bufio.NewWriter(c.stdout)
	err := users.Each(ctx, func(user *models.User) error {
		text, err := json.Marshal(line(user))
		if err != nil {
			return err
		}
		_, err = out.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}
