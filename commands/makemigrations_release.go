//go:build release

package commands

import (
	"errors"

	"github.com/spf13/cobra"
)

// newMakeMigrations says where makemigrations went: it compares the models' sources with the migrations' files, which only
// a source tree has.
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
