package commands

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"latchkey/config"
	"latchkey/database"
	"latchkey/importer"
	"latchkey/models"
)

func newImportDjango(c *console) *cobra.Command {
	from := djangoSource{columns: importer.DjangoColumns()}
	var options importOptions
	var mappings []string
	command := &cobra.Command{
		Use:   "django [--from SOURCE]",
		Short: "Import the users of a Django project",
		Long: `Imports the users of a Django project, from its PostgreSQL database or from the output of "manage.py dumpdata".

SOURCE is postgres://USER@HOST/NAME, the path of a dump, or - for a dump on standard input. Without --from, the source
is the database of DJANGO_DATABASE_URL. A password is never taken from the command line, where every process of the
machine can read it: give it in DJANGO_DATABASE_URL (or DJANGO_DATABASE_URL_FILE), in PGPASSWORD or in ~/.pgpass.

The columns are those of AbstractBaseUser, AbstractUser and PermissionsMixin; use --map for columns with other names. An
integer primary key is kept as legacy_id, a UUID as the id.`,
		Example: `  manage.py dumpdata users.user | latchkey import django --from - --dry-run
  latchkey import django --from postgres://django@db.example.com/shop --table users_user --rejects refused.csv
  latchkey import django --map email=username --map first_name=given_name`,
		Args: usageArgs(noPassword(0)),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if from.columns, err = from.columns.With(mappings); err != nil {
				return fmt.Errorf("--map: %w; %w", err, errUsage)
			}
			settings, err := c.settings()
			if err != nil {
				return err
			}
			return c.importDjango(cmd.Context(), settings, from, options)
		},
	}
	command.Flags().StringVar(&from.from, "from", "", "a database, the path of a dump, or - for a dump on standard input")
	command.Flags().StringVar(&from.table, "table", "", "the users' table, such as users_user; by default found by its columns")
	command.Flags().StringArrayVar(&mappings, "map", nil, "the column of a field, such as email=username; can be repeated")
	options.addTo(command)
	command.SetFlagErrorFunc(unrepeatedFlags)
	return command
}

// djangoSource is where the users of a Django project are.
type djangoSource struct {
	from    string
	table   string
	columns importer.Columns
}

var errPasswordInArguments = errors.New("--from holds a password, which every process of this machine could read; " +
	"change the password, and give the new one in DJANGO_DATABASE_URL, PGPASSWORD or ~/.pgpass")

func (c *console) importDjango(
	ctx context.Context, settings config.Settings, from djangoSource, options importOptions,
) (err error) {
	address := from.from
	if address == "" {
		if address = settings.Django.DatabaseURL.Reveal(); address == "" {
			return fmt.Errorf("missing source: give --from or set DJANGO_DATABASE_URL; %w", errUsage)
		}
	} else if holdsPassword(address) {
		return fmt.Errorf("%w; %w", errPasswordInArguments, errUsage)
	}
	if !strings.Contains(address, "://") {
		return c.importDump(ctx, settings, from, options)
	}
	external, err := database.OpenExternal(ctx, address)
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	defer func() { err = errors.Join(err, external.Close()) }()
	source, err := tableSource(external, from)
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	return c.importFrom(ctx, settings, options, source)
}

// holdsPassword reports whether a URL contains a password, also in the spellings that only PostgreSQL reads.
func holdsPassword(address string) bool {
	parsed, err := url.Parse(address)
	if err != nil {
		return strings.Contains(address, "@")
	}
	_, given := parsed.User.Password()
	return given || parsed.Query().Has("password") || parsed.Query().Has("sslpassword")
}

func (c *console) importDump(
	ctx context.Context, settings config.Settings, from djangoSource, options importOptions,
) (err error) {
	dump, err := c.openInput(from.from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dump.Close()) }()
	return c.importFrom(ctx, settings, options, accountSource{
		read: func(visit func(models.ExternalAccount) error) error {
			return importer.ReadDump(dump, from.table, from.columns, visit)
		},
		share: dump.share,
	})
}

// tableSource returns the table of users in a database as a source.
func tableSource(external *database.External, from djangoSource) (accountSource, error) {
	table := from.table
	if table == "" {
		found, err := external.TableWith(from.columns["id"], from.columns["email"], from.columns["password"], "last_login")
		if err != nil {
			return accountSource{}, fmt.Errorf("%w; name it with --table", err)
		}
		table = found
	}
	count, err := external.Count(table)
	if err != nil {
		return accountSource{}, err
	}
	var visited atomic.Int64
	return accountSource{
		read: func(visit func(models.ExternalAccount) error) error {
			return external.Each(table, from.columns["id"], func(row map[string]any) error {
				if visited.Add(1) == 1 {
					if err := from.columns.Check(row); err != nil {
						return err
					}
				}
				return visit(from.columns.Account(row))
			})
		},
		share: func() float64 { return float64(visited.Load()) / float64(max(count, 1)) },
	}, nil
}
