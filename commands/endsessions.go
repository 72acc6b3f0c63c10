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
		Short: "Log a user out everywhere, or everybody",
		Long: `Ends every session of the user of EMAIL, or with --all those of everybody. Their refresh tokens are worthless from
then on, and so are their access tokens at every endpoint of Latchkey; services that verify access tokens by
themselves accept those that are out until they expire.`,
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
				fmt.Fprintf(c.stderr, "Ended %d sessions.\n", ended)
				return nil
			})
		},
	}
	command.Flags().BoolVar(&all, "all", false, "end the sessions of every user")
	return command
}
