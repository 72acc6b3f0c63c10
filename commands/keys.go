package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/models/keys"
	"latchkey/server"
)

func newKeys(c *console) *cobra.Command {
	keys := &cobra.Command{
		Use:   "keys",
		Short: "List, rotate or retire the keys that sign tokens",
		Long: `Manages the signing keys in the database, which all replicas share.

A key goes through three states. The next key is published at /.well-known/jwks.json and does not sign yet. The active
key signs. A retired key verifies the tokens that it signed, until the last of them has expired. The server rotates the
keys by itself, as often as JWT_KEY_ROTATION says. A running server picks up each change within a minute.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: missingSubcommand("list, rotate or retire"),
	}
	keys.AddCommand(newKeysList(c), newKeysRotate(c), newKeysRetire(c))
	return keys
}

func newKeysList(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the signing keys",
		Long: `Lists the signing keys: the id (the kid in a token's header), the algorithm, the state, and when the key was created,
activated and retired. A retired key is deleted once the last token that it signed has expired.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withSigningKeys(cmd.Context(), func(manager *keys.Manager) error {
				keys, err := manager.List(cmd.Context())
				if err != nil {
					return err
				}
				return c.printKeys(keys)
			})
		},
	}
}

func newKeysRotate(c *console) *cobra.Command {
	var force bool
	command := &cobra.Command{
		Use:   "rotate",
		Short: "Sign with the next key from now on",
		Long: `Retires the active key, makes the next key the active one, and creates a new next key. Tokens stay valid.

It refuses as long as services that verify the tokens may not have fetched the next key yet. For a key that leaked, use
"latchkey keys retire".`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			rotate := (*keys.Manager).Rotate
			if force {
				rotate = (*keys.Manager).RotateNow
			}
			return c.withSigningKeys(cmd.Context(), func(manager *keys.Manager) error {
				err := rotate(manager, cmd.Context())
				if errors.Is(err, keys.ErrNotPublished) {
					return fmt.Errorf("%w; --force rotates now, and services may refuse valid tokens for %s",
						err, shortDuration(server.VerifierCache))
				}
				if err != nil {
					return err
				}
				return c.printActiveKey(cmd.Context(), manager)
			})
		},
	}
	command.Flags().BoolVar(&force, "force", false, "rotate even if the next key has not been published for long enough")
	return command
}

func newKeysRetire(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "retire KID...",
		Short: "Stop trusting keys, and everything they signed",
		Long: `Deletes keys that leaked, or whose SECRET_KEY is lost. Every replica refuses the access tokens that they signed within a
minute; sessions continue with their refresh tokens. If the active key is among them, the next one signs.

Name all such keys in one command. Put an id that begins with a dash after two dashes: latchkey keys retire -- -id`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withSigningKeys(cmd.Context(), func(manager *keys.Manager) error {
				if err := manager.Retire(cmd.Context(), args...); err != nil {
					return err
				}
				fmt.Fprintf(c.stderr, "No longer trusted: %s. Replicas follow within %s, services that verify tokens within %s.\n",
					strings.Join(args, " "), shortDuration(keys.MaxAge),
					shortDuration(keys.MaxAge+server.VerifierCache))
				return c.printActiveKey(cmd.Context(), manager)
			})
		},
	}
}

// withSigningKeys calls work with the manager of the keys in the configured database. It refuses if the settings give the
// key, because then no key in the database is used.
func (c *console) withSigningKeys(ctx context.Context, work func(*keys.Manager) error) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	if variable := keyVariable(settings); variable != "" {
		return fmt.Errorf("the signing key is not managed here: it comes from %s. Rotate it by changing that setting, or "+
			"remove it to have keys created and rotated in the database", variable)
	}
	return c.withDatabase(ctx, settings, func(with server.Resources) error {
		return work(server.NewSigningKeyManager(settings, with))
	})
}

// keyVariable returns the name of the setting that gives the signing key, or "" if the keys are in the database.
func keyVariable(settings config.Settings) string {
	switch {
	case settings.JWT.PrivateKey.IsSet():
		return "JWT_PRIVATE_KEY"
	case settings.JWT.SecretKey.IsSet():
		return "JWT_SECRET_KEY"
	default:
		return ""
	}
}

func (c *console) printKeys(keys []keys.SigningKey) error {
	if len(keys) == 0 {
		fmt.Fprintln(c.stderr, "There are no signing keys yet; the first start of the server creates them.")
		return nil
	}
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tALGORITHM\tSTATE\tCREATED\tACTIVATED\tRETIRED")
	for _, key := range keys {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", key.ID, key.Algorithm, key.State,
			stamp(&key.CreatedAt), stamp(key.ActivatedAt), stamp(key.RetiredAt))
	}
	return table.Flush()
}

func stamp(at *time.Time) string {
	if at == nil || at.IsZero() {
		return "-"
	}
	return at.UTC().Format(time.RFC3339)
}

func shortDuration(d time.Duration) string {
	return fmt.Sprintf("%d min", int(d.Minutes()))
}

func (c *console) printActiveKey(ctx context.Context, manager *keys.Manager) error {
	stored, err := manager.List(ctx)
	if err != nil {
		return err
	}
	for _, key := range stored {
		if key.State == keys.Active {
			fmt.Fprintf(c.stderr, "Tokens are signed with %s key %s; replicas follow within %s.\n",
				key.Algorithm, key.ID, shortDuration(keys.MaxAge))
		}
	}
	return nil
}
