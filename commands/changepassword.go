package commands

import (
	"fmt"

	"github.com/spf13/cobra"

	"latchkey/models"
)

func newChangePassword(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "changepassword EMAIL",
		Short: "Give a user a new password, asked for at the terminal",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask, err := c.newPrompter()
			if err != nil {
				return err
			}
			return c.withUsers(cmd.Context(), func(users *models.UserManager) error {
				user, err := users.ByEmail(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				password, err := ask.newPassword()
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
}
