package commands

import (
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
		Long: `Asks for an email address, names and a password and creates a superuser.

With --no-input it takes SUPERUSER_EMAIL and SUPERUSER_PASSWORD (or SUPERUSER_PASSWORD_FILE) from the settings. A
password is never taken from the command line, where every process of the machine can read it.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			input, err := c.superuser(noInput)
			if err != nil {
				return err
			}
			return c.withUsers(cmd.Context(), func(users *models.UserManager) error {
				user, err := users.CreateSuperuser(cmd.Context(), input)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.stderr, "Superuser %s is created.\n", user.Email)
				return nil
			})
		},
	}
	command.Flags().BoolVar(&noInput, "no-input", false, "ask nothing; take SUPERUSER_EMAIL and SUPERUSER_PASSWORD")
	return command
}

func (c *console) superuser(noInput bool) (models.NewUser, error) {
	if noInput {
		settings, err := c.settings()
		if err != nil {
			return models.NewUser{}, err
		}
		return superuserFrom(settings)
	}
	ask, err := c.newPrompter()
	if err != nil {
		return models.NewUser{}, fmt.Errorf("%w; use --no-input with SUPERUSER_EMAIL and SUPERUSER_PASSWORD", err)
	}
	return ask.superuser()
}

func superuserFrom(settings config.Settings) (models.NewUser, error) {
	input := models.NewUser{Email: settings.Superuser.Email, Password: settings.Superuser.Password.Reveal()}
	if input.Email == "" || input.Password == "" {
		return models.NewUser{}, errors.New("--no-input needs SUPERUSER_EMAIL and SUPERUSER_PASSWORD " +
			"(or SUPERUSER_PASSWORD_FILE)")
	}
	return input, nil
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
