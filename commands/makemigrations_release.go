//go:build release

package commands

import (
	"errors"

	"github.com/spf13/cobra"
)

// newMakeMigrations returns a command that fails and names the source tree: makemigrations compares the sources of the models
// with the files of the migrations, which a released program does not have.
func newMakeMigrations(*console) *cobra.Command {
	return &cobra.Command{
		Use:                "makemigrations",
		Short:              "Write the migration for what changed in the models, in a source tree only",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("makemigrations is not in a released program; run it in the source tree: go run . makemigrations NAME")
		},
	}
}
