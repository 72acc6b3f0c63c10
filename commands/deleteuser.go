package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"latchkey/models"
)

var errNotConfirmed = errors.New("that is a different address; nothing is deleted")

func newDeleteUser(c *console) *cobra.Command {
	var noInput bool
	command := &cobra.Command{
		Use:   "deleteuser EMAIL",
		Short: "Delete a user's account permanently",
		Long: `Deletes the account with the address EMAIL and everything that belongs to it, at once and permanently. The address is
free afterwards. The command asks for confirmation, unless --no-input is given. The last active superuser can't be
deleted.

To disable an account and keep its data, use: latchkey deactivate EMAIL`,
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
	command.Flags().BoolVar(&noInput, "no-input", false, "don't ask for confirmation")
	return command
}

// confirmDeletion asks for the address again, so that a command recalled from the shell's history by mistake deletes no
// account.
func (c *console) confirmDeletion(ctx context.Context, email string) error {
	prompt, err := c.newPrompter()
	if err != nil {
		return fmt.Errorf("%w; use --no-input to delete without confirmation", err)
	}
	typed, err := converse(ctx, prompt, func() (string, error) {
		return prompt.line("Type the address again to delete the account permanently: ")
	})
	if err == nil && typed != email {
		return errNotConfirmed
	}
	return err
}
