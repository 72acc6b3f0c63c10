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

// Exit codes: exitFailure if a command could not do its work, exitUsage if its command line was not understood, exitElsewhere if
// another program does that work, as the command says.
const (
	exitOK        = 0
	exitFailure   = 1
	exitUsage     = 2
	exitElsewhere = 3
)

// errFindings ends a command that has already printed what is wrong.
var errFindings = errors.New("there are findings")

// errUsage marks an error in the command line.
var errUsage = errors.New("see --help")

// console is what a command works with: its environment, its standard streams and the clock.
type console struct {
	environ []string
	stdin   *os.File
	stdout  io.Writer // data
	stderr  io.Writer // messages to the person
	now     func() time.Time
}

// Run executes the command line args and returns the exit code: 0 for success, 1 for failure, 2 for a command line that was
// not understood, 3 for what another program does. Environ are settings as NAME=value. SIGINT and SIGTERM end a command
// gracefully.
func Run(args, environ []string, stdin *os.File, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(&console{environ: environ, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now})
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "%s: %v\n", command.CommandPath(), err)
		return exitUsage
	case errors.Is(err, errElsewhere):
		return exitElsewhere
	case !errors.Is(err, errFindings):
		fmt.Fprintf(stderr, "latchkey: %v\n", err)
	}
	return exitFailure
}

func newRoot(c *console) *cobra.Command {
	serve := newServe(c)
	root := &cobra.Command{
		Use:   "latchkey",
		Short: "User authentication: accounts, passwords, sessions and JSON Web Tokens",
		Long: `Latchkey is a user-authentication service: sign-up, login, profile and JSON Web Tokens for your app.

Without a subcommand it serves the API. It keeps its data in an SQLite file in the current directory, unless
DATABASE_URL names a PostgreSQL database. Settings come from the environment and from .env; .env.example lists them all.`,
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
		newMail(c), newImport(c), newExport(c), newBackup(c), newRestore(c), newHealthcheck(c), newCheck(c), newVersion(c))
	refuseUnknownTopics(root)
	return root
}

// refuseUnknownTopics makes cobra's help command fail for an unknown command; by itself it exits with 0.
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

// missingSubcommand returns what a command does that only groups others: it fails and names them.
func missingSubcommand(names string) func(*cobra.Command, []string) error {
	return func(*cobra.Command, []string) error { return fmt.Errorf("missing subcommand: %s; %w", names, errUsage) }
}

// usageArgs returns rule with its errors marked as errors in the command line.
func usageArgs(rule cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := rule(cmd, args); err != nil {
			return fmt.Errorf("%w; %w", err, errUsage)
		}
		return nil
	}
}
