package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/models"
)

func newCreateSuperuser(c *console) *cobra.Command {
	var noInput bool
	command := &cobra.Command{
		Use:   "createsuperuser",
		Short: "Create a user with every right",
		Long: `Asks for an email address, names and a password, and creates a superuser: a user with every right.

With --no-input it uses SUPERUSER_EMAIL and SUPERUSER_PASSWORD (or SUPERUSER_PASSWORD_FILE) from the settings. A
password is never taken from the command line, where every process of the machine can read it.`,
		Args: usageArgs(noPassword(0)),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := c.settings()
			if err != nil {
				return err
			}
			source, err := c.askedSuperuser()
			if noInput {
				source, err = givenSuperuser(settings)
			}
			if err != nil {
				return err
			}
			return c.withUsers(cmd.Context(), settings, func(users *models.UserManager) error {
				return c.createSuperuser(cmd.Context(), users, source)
			})
		},
	}
	command.Flags().BoolVar(&noInput, "no-input", false, "don't ask; use SUPERUSER_EMAIL and SUPERUSER_PASSWORD")
	command.SetFlagErrorFunc(unrepeatedFlags)
	return command
}

// superuserSource returns the data of the new superuser.
type superuserSource func(context.Context) (models.NewUser, error)

func (c *console) askedSuperuser() (superuserSource, error) {
	ask, err := c.newPrompter()
	if err != nil {
		return nil, fmt.Errorf("%w; use --no-input with SUPERUSER_EMAIL and SUPERUSER_PASSWORD", err)
	}
	return func(ctx context.Context) (models.NewUser, error) { return converse(ctx, ask, ask.superuser) }, nil
}

func givenSuperuser(settings config.Settings) (superuserSource, error) {
	input := models.NewUser{Email: settings.Superuser.Email, Password: settings.Superuser.Password.Reveal()}
	if input.Email == "" || input.Password == "" {
		return nil, errors.New("--no-input needs SUPERUSER_EMAIL and SUPERUSER_PASSWORD (or SUPERUSER_PASSWORD_FILE)")
	}
	return func(context.Context) (models.NewUser, error) { return input, nil }, nil
}

func (c *console) createSuperuser(ctx context.Context, users *models.UserManager, source superuserSource) error {
	input, err := source(ctx)
	if err != nil {
		return err
	}
	user, err := users.CreateSuperuser(ctx, input)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stderr, "Superuser %s is created.\n", user.Email)
	return nil
}

func (p *prompter) superuser() (input models.NewUser, err error) {
	for _, field := range []struct {
		question string
		answer   *string
	}{
		{"Email address: ", &input.Email},
		{"First name: ", &input.FirstName},
		{"Last name: ", &input.LastName},
	} {
		if *field.answer, err = p.line(field.question); err != nil {
			return models.NewUser{}, err
		}
	}
	input.Password, err = p.newPassword()
	return input, err
}

// noPassword requires n arguments. Its error does not repeat them, because one too many is likely to be a password.
func noPassword(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return fmt.Errorf("expected %d argument(s), not %d; a password is never one of them", n, len(args))
	}
}

// unrepeatedFlags returns the error for flags that can't be parsed, without repeating what may be a password.
func unrepeatedFlags(*cobra.Command, error) error {
	return fmt.Errorf("a flag is unknown or has a wrong value; a password is never given as a flag; %w", errUsage)
}
