package commands

import (
	"fmt"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/server"
)

func newHealthcheck(c *console) *cobra.Command {
	var live bool
	command := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the server on this machine whether it is ready; exit code 1 if not",
		Long: `Asks the server that listens at ADDR for /readyz, and fails unless it responds within 3 seconds that it is ready: that
it reaches its database, and the schema is right. It needs no setting but ADDR, and is meant for HEALTHCHECK in an image
that has no other program to ask with.

With --live it asks for /healthz, which fails only if the process itself does not respond. Restart a container by
--live, and route requests to it without.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := config.LoadFor(c.environ, ".", "ADDR")
			if err != nil {
				return err
			}
			check, state := server.CheckReady, "ready"
			if live {
				check, state = server.CheckLive, "alive"
			}
			if err := check(cmd.Context(), settings.Server.Addr); err != nil {
				return fmt.Errorf("not %s: %w", state, err)
			}
			fmt.Fprintln(c.stderr, state)
			return nil
		},
	}
	command.Flags().BoolVar(&live, "live", false, "ask only whether the process responds")
	return command
}
