// Package commands owns the program's command line: one file a subcommand, as Django's management commands. It reads the
// clock, which every other package is given.
package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes: a command that could not do its work, and one that was not understood.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// errFindings ends a command that has already said what is wrong.
var errFindings = errors.New("there are findings")

// errUsage is a command line that could not be understood.
var errUsage = errors.New("see --help")

// console is the world around a command.
type console struct {
	environ []string
	stdin   *os.File
	stdout  io.Writer // data
	stderr  io.Writer // talk
	now     func() time.Time
}

// Run executes the command line args and gives back the exit code: 0 for success, 1 for failure, 2 for a command line that
// was not understood. SIGINT and SIGTERM end a command in order.
func Run(args, environ []string, stdin *os.File, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(&console{environ: environ, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errFindings) {
		fmt.Fprintf(stderr, "latchkey: %v\n", err)
	}
	if errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitFailure
}

func newRoot(c *console) *cobra.Command {
	serve := newServe(c)
	root := &cobra.Command{
		Use:   "latchkey",
		Short: "User authentication: accounts, passwords, sessions and JSON Web Tokens",
		Long: `Latchkey is a user-authentication service: sign-up, login, profile and JSON Web Tokens for your app.

Without a subcommand it serves, on an SQLite file in this directory unless DATABASE_URL names a PostgreSQL
database. Settings come from the environment and from .env; .env.example lists them all.`,
		Args:              usageArgs(cobra.NoArgs),
		RunE:              serve.RunE,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w; %w", err, errUsage) })
	root.AddCommand(serve, newMigrate(c), newMakeMigrations(c), newCreateSuperuser(c), newChangePassword(c),
		newPromote(c), newDemote(c), newDeactivate(c), newActivate(c), newEndSessions(c), newDeleteUser(c), newKeys(c), newPasswords(c),
		newMail(c), newImport(c), newExport(c), newCheck(c), newVersion(c))
	refuseUnknownTopics(root)
	return root
}

// refuseUnknownTopics has cobra's help command fail on a topic that there is not; by itself it exits with 0.
func refuseUnknownTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, command := range root.Commands() {
		if command.Name() == "help" {
			command.Args = usageArgs(func(_ *cobra.Command, topic []string) error {
				if _, rest, err := root.Find(topic); err != nil || len(rest) > 0 {
					return fmt.Errorf("there is no command %q", strings.Join(topic, " "))
				}
				return nil
			})
		}
	}
}

// usageArgs marks what rule finds wrong as a mistake in the command line.
func usageArgs(rule cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := rule(cmd, args); err != nil {
			return fmt.Errorf("%w; %w", err, errUsage)
		}
		return nil
	}
}
