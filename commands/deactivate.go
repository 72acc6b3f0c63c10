package commands

import (
	"github.com/spf13/cobra"

	"latchkey/models"
)

func newDeactivate(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "deactivate EMAIL",
		Short: "Disable a user's account and end its sessions",
		Long: `Disables the account of EMAIL and ends its sessions, at once at every endpoint of Latchkey. Services that verify access
tokens by themselves accept those that are out until they expire. The last active superuser stays active.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeUser(cmd.Context(), args[0], (*models.UserManager).Deactivate, "can no longer log in")
		},
	}
}

func newActivate(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "activate EMAIL",
		Short: "Let a user log in again whose account was disabled",
		Long: `Enables the account of EMAIL again, with the password and the rights that it had. Its sessions stay ended: the user logs
in again.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeUser(cmd.Context(), args[0], (*models.UserManager).Activate, "can log in again")
		},
	}
}
