package commands

import (
	"fmt"

	"github.com/spf13/cobra"

	"latchkey/models"
)

func newChangePassword(c *console) *cobra.Command {
	command := &cobra.Command{
		Use:   "changepassword EMAIL",
		Short: "Set a user's password, asked for at the terminal",
		Long: `Asks twice for a new password and sets it for the user with the address EMAIL, if it meets the password policy. All of
the user's sessions end: they have to log in again on every device.`,
		Args: usageArgs(noPassword(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := c.settings()
			if err != nil {
				return err
			}
			ask, err := c.newPrompter()
			if err != nil {
				return err
			}
			return c.withUsers(cmd.Context(), settings, func(users *models.UserManager) error {
				user, err := users.ByEmail(cmd.Context(), args[0])
				if err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				password, err := converse(cmd.Context(), ask, ask.newPassword)
				if err != nil {
					return err
				}
				if err := users.SetPassword(cmd.Context(), user.Email, password); err != nil {
					return err
				}
				fmt.Fprintf(c.stderr, "The password of %s is changed.\n", user.Email)
				return nil
			})
		},
	}
	command.SetFlagErrorFunc(unrepeatedFlags)
	return command
}
