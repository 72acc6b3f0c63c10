package commands

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"latchkey/server"
)

func newVersion(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Prints one line: the release, the commit that it was built from (if the build recorded it), the version of Go and the
system that it was built for.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			build := server.ReadBuild()
			name := build.Version
			if build.Commit != "" {
				name += "+" + build.Commit
			}
			_, err := fmt.Fprintf(c.stdout, "latchkey %s (%s, %s/%s)\n", name, build.Go, runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
