package commands

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"latchkey/models"
)

func newPromote(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "promote EMAIL",
		Short: "Make a user a superuser",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeRights(cmd.Context(), args[0], (*models.UserManager).Promote, "is a superuser now")
		},
	}
}

func newDemote(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "demote EMAIL",
		Short: "Make a superuser a plain user; the last active superuser stays",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeRights(cmd.Context(), args[0], (*models.UserManager).Demote, "is a plain user now")
		},
	}
}

type rightsChange func(*models.UserManager, context.Context, string) error

func (c *console) changeRights(ctx context.Context, email string, change rightsChange, outcome string) error {
	return c.withUsers(ctx, func(users *models.UserManager) error {
		if err := change(users, ctx, email); err != nil {
			return fmt.Errorf("%s: %w", email, err)
		}
		fmt.Fprintf(c.stderr, "%s %s.\n", email, outcome)
		return nil
	})
}
