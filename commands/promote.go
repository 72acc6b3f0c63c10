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
		Long: `Gives the user with the address EMAIL every right, as createsuperuser does for a new user. Access tokens that were
issued before don't show it; those of the next refresh do.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeUser(cmd.Context(), args[0], (*models.UserManager).Promote, "is a superuser now")
		},
	}
}

func newDemote(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "demote EMAIL",
		Short: "Make a superuser a plain user",
		Long: `Takes the rights of a superuser and of staff from the user with the address EMAIL. The last active superuser can't be
demoted: promote another user first.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeUser(cmd.Context(), args[0], (*models.UserManager).Demote, "is a plain user now")
		},
	}
}

type userChange func(*models.UserManager, context.Context, string) error

// changeUser applies change to the user with the address email, and prints the outcome as the rest of a sentence.
func (c *console) changeUser(ctx context.Context, email string, change userChange, outcome string) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	return c.withUsers(ctx, settings, func(users *models.UserManager) error {
		if err := change(users, ctx, email); err != nil {
			return fmt.Errorf("%s: %w", email, err)
		}
		fmt.Fprintf(c.stderr, "%s %s.\n", email, outcome)
		return nil
	})
}
