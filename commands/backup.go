package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"latchkey/config"
	"latchkey/database"
)

const (
	backupName    = "latchkey-20060102T150405Z.db" // of a time in UTC, so that names sort as times do
	backupPattern = "latchkey-????????T??????Z.db"

	leftoverAge = 24 * time.Hour // no backup takes that long
)

// errElsewhere ends a command whose work a program of PostgreSQL's does.
var errElsewhere = errors.New("nothing is done here")

type backupOptions struct {
	dir   string
	keep  int
	force bool
}

func newBackup(c *console) *cobra.Command {
	var options backupOptions
	command := &cobra.Command{
		Use:   "backup [FILE]",
		Short: "Back up an SQLite database while the service runs",
		Long: `Copies the SQLite database of DATABASE_URL, as it is at one moment, to FILE or into a new file in a folder: that of
--dir, or else of BACKUP_DIR. The service may run meanwhile. The copy is checked before it gets its name, and its path
is printed.

With --keep N, once the backup succeeded, all but the newest N in the folder are deleted. Only files that are named as
this command names them count, whichever database they are of: use one folder for each database.

SECRET_KEY is not in a backup: keep it elsewhere. The database of a PostgreSQL server is backed up by pg_dump; the
command then prints how, does nothing and exits with 3.`,
		Example: `  latchkey backup --dir /var/backups/latchkey --keep 7
  latchkey backup before-upgrade.db`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := config.LoadFor(c.environ, ".", "DATABASE_URL", "BACKUP_DIR")
			if err != nil {
				return err
			}
			path, err := c.backupPath(settings, args, options)
			if err != nil {
				return err
			}
			if settings.Database.IsPostgres() {
				return c.explainDump(settings, path)
			}
			return c.backup(cmd.Context(), settings, path, options)
		},
	}
	command.Flags().StringVar(&options.dir, "dir", "", "write a new file into this folder (default: BACKUP_DIR)")
	command.Flags().IntVar(&options.keep, "keep", 0,
		"delete all but the newest N backups in the folder; one folder for each database")
	command.Flags().BoolVar(&options.force, "force", false, "overwrite FILE")
	return command
}

// backupPath returns where to write the backup. In a folder that is a new name.
func (c *console) backupPath(settings config.Settings, args []string, options backupOptions) (string, error) {
	folder := options.dir
	if folder == "" && len(args) == 0 {
		folder = settings.Database.BackupDir
	}
	switch {
	case len(args) > 0 && options.dir != "":
		return "", fmt.Errorf("give FILE or --dir, not both; %w", errUsage)
	case len(args) > 0 && options.keep != 0:
		return "", fmt.Errorf("--keep goes with --dir or BACKUP_DIR, not with FILE; %w", errUsage)
	case options.keep < 0:
		return "", fmt.Errorf("--keep takes a number from 1 on; %w", errUsage)
	case len(args) > 0:
		return args[0], nil
	case folder == "" && settings.Database.IsSQLite():
		return "", fmt.Errorf("give FILE or --dir, or set BACKUP_DIR; %w", errUsage)
	default:
		return filepath.Join(folder, c.now().UTC().Format(backupName)), nil
	}
}

func (c *console) backup(ctx context.Context, settings config.Settings, path string, options backupOptions) error {
	url := settings.Database.URL.Reveal()
	if err := database.CheckTarget(url, path); err != nil {
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) && !options.force {
		if err != nil {
			return err
		}
		return fmt.Errorf("%s exists already; --force overwrites it", path)
	}
	if err := database.Backup(ctx, url, path, c.newShare("Backing up")); err != nil {
		return err
	}
	fmt.Fprintln(c.stdout, path)
	fmt.Fprintf(c.stderr, "%s is complete and checked. SECRET_KEY is not in it: keep %s apart from the backups.\n",
		filepath.Base(path), secretKeyPlace(settings))
	folder := filepath.Dir(path)
	if err := database.RemovePartial(folder, c.now().Add(-leftoverAge)); err != nil {
		return err
	}
	if options.keep == 0 {
		return nil
	}
	return c.deleteOldBackups(url, path, options.keep)
}

// secretKeyPlace names where the secret key is.
func secretKeyPlace(settings config.Settings) string {
	path := config.SecretKeyPath(settings)
	if _, err := os.Stat(path); err == nil && !settings.SecretKey.IsSet() {
		return path
	}
	return "a copy of the key"
}

// deleteOldBackups deletes all but the newest backups beside the one at path, which stays whatever its name says: a clock may
// have gone back. The database at url stays too, if it is called as a backup is.
func (c *console) deleteOldBackups(url, path string, keep int) error {
	found, err := filepath.Glob(filepath.Join(filepath.Dir(path), backupPattern))
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(other string) bool {
		return filepath.Base(other) == filepath.Base(path) || database.CheckTarget(url, other) != nil
	})
	slices.Sort(found)
	for _, old := range found[:max(0, len(found)-keep+1)] {
		if err := os.Remove(old); err != nil {
			return fmt.Errorf("deleting an old backup: %w", err)
		}
		fmt.Fprintf(c.stderr, "Deleted %s.\n", filepath.Base(old))
	}
	return nil
}

// explainDump says how to back up a PostgreSQL database to path.
func (c *console) explainDump(settings config.Settings, path string) error {
	path = strings.TrimSuffix(strings.TrimSuffix(path, ".db"), ".dump") + ".dump"
	fmt.Fprintf(c.stderr, `The database is on a PostgreSQL server, which pg_dump backs up while the service runs:

  (umask 077 && pg_dump --format=custom --file=%s %s)

Put the password into ~/.pgpass or PGPASSWORD. SECRET_KEY is not in the dump: keep a copy of the key apart from it.
`, shellQuoted(path), shellQuoted(settings.Database.ForPrograms()))
	return errElsewhere
}

// shellQuoted returns a word as a POSIX shell reads it.
func shellQuoted(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// newShare returns what shows the share of the work that is done, at a terminal and nowhere else.
func (c *console) newShare(doing string) func(share float64) {
	file, isFile := c.stderr.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return func(float64) {}
	}
	var drawn time.Time
	return func(share float64) {
		if now := c.now(); share == 1 {
			fmt.Fprint(file, "\r\x1b[K")
		} else if now.Sub(drawn) >= redrawEvery {
			drawn = now
			fmt.Fprintf(file, "\r%s: %3.0f%%", doing, 100*share)
		}
	}
}
