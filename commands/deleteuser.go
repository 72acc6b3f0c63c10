package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"latchkey/models"
)

var errNotConfirmed = errors.New("that is another address; nothing is deleted")

func newDeleteUser(c *console) *cobra.Command {
	var noInput bool
	command := &cobra.Command{
		Use:   "deleteuser EMAIL",
		Short: "Delete a user's account for ever",
		Long: `Deletes the account of EMAIL with all that belongs to it, at once and for ever; its address is free then. It asks first,
unless --no-input says not to. The last active superuser stays. An account that is only to be shut is for deactivate.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !noInput {
				if err := c.confirmDeletion(cmd.Context(), args[0]); err != nil {
					return err
				}
			}
			return c.changeUser(cmd.Context(), args[0], (*models.UserManager).Delete, "is deleted")
		},
	}
	command.Flags().BoolVar(&noInput, "no-input", false, "don't ask")
	return command
}

// confirmDeletion has the address typed again, so that a slip of the shell's history deletes nobody.
func (c *console) confirmDeletion(ctx context.Context, email string) error {
	prompt, err := c.newPrompter()
	if err != nil {
		return fmt.Errorf("%w; use --no-input to delete without being asked", err)
	}
	typed, err := converse(ctx, prompt, func() (string, error) {
		return prompt.line("Type the address again to delete the account for ever: ")
	})
	if err == nil && typed != email {
		return errNotConfirmed
	}
	return err
}
