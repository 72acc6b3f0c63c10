package commands

import (
	"github.com/spf13/cobra"

	"latchkey/models"
)

func newDeactivate(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "deactivate EMAIL",
		Short: "Disable a user's account and end its sessions",
		Long: `Disables the account with the address EMAIL and ends its sessions. That takes effect at once at every endpoint of
Latchkey; services that verify access tokens by themselves accept those issued before until they expire. The last
active superuser can't be deactivated.

To enable the account again, use: latchkey activate EMAIL`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeUser(cmd.Context(), args[0], (*models.UserManager).Deactivate, "can no longer log in")
		},
	}
}

func newActivate(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "activate EMAIL",
		Short: "Enable a disabled account again",
		Long: `Enables the account with the address EMAIL again, with the password and the rights that it had. Its sessions stay
ended: the user has to log in again.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeUser(cmd.Context(), args[0], (*models.UserManager).Activate, "can log in again")
		},
	}
}
