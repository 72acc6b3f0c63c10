package commands

import (
	"fmt"

	"github.com/spf13/cobra"

	"latchkey/models"
	"latchkey/server"
)

func newEndSessions(c *console) *cobra.Command {
	var all bool
	command := &cobra.Command{
		Use:   "endsessions EMAIL | --all",
		Short: "Log out one user, or every user, on all devices",
		Long: `Ends every session of the user with the address EMAIL or, with --all, of every user. Their refresh tokens are refused
from then on, and so are their access tokens at every endpoint of Latchkey; services that verify access tokens by
themselves accept those issued before until they expire.`,
		Args: usageArgs(func(cmd *cobra.Command, args []string) error {
			if all {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := c.settings()
			if err != nil {
				return err
			}
			return c.withManagers(cmd.Context(), settings, func(m server.Managers) error {
				var ended int
				if all {
					ended, err = m.Sessions.EndEveryone(cmd.Context(), models.Ending{Reason: models.EndedByOperator})
				} else {
					ended, err = m.Users.EndSessions(cmd.Context(), args[0])
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(c.stderr, "Sessions ended: %d.\n", ended)
				return nil
			})
		},
	}
	command.Flags().BoolVar(&all, "all", false, "end the sessions of every user")
	return command
}
