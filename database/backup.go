package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

var (
	// ErrNoDatabase means that there is no file where a database should be.
	ErrNoDatabase = errors.New("there is no database")
	// ErrOwnFile means that a backup would take the place of the database that it is of.
	ErrOwnFile = errors.New("it belongs to the database itself; write the backup to another file")
)

const (
	pagesPerStep   = 256 // between two looks at the context
	partialPattern = ".latchkey-backup-*.partial"
)

// Backup copies the SQLite database at url, which may be in use meanwhile, as it is at one moment. It writes to a file beside
// path that only its owner can read, checks it and flushes it to disk, and then gives it the name path, replacing what is there:
// under that name there is never half a backup. It calls report with the share that is done, from 0 to 1. The error is
// ErrNoDatabase if there is nothing to copy, and that of [CheckTarget] for a path where no backup may be.
func Backup(ctx context.Context, url, path string, report func(share float64)) (err error) {
	source, err := sqlitePath(url)
	if err != nil {
		return err
	}
	if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w at %s", ErrNoDatabase, source)
	}
	if err := CheckTarget(url, path); err != nil {
		return err
	}
	pool, err := openSQLite(url, "foreign_keys(off)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	partial, err := duplicate(ctx, pool, filepath.Dir(path), report)
	if err != nil {
		return err
	}
	return publish(partial, path)
}

// CheckTarget returns ErrOwnFile if path names the SQLite database at url or a file that SQLite or the migrator keeps beside it,
// by whatever path or link.
func CheckTarget(url, path string) error {
	source, err := sqlitePath(url)
	if err != nil {
		return err
	}
	names := []string{source}
	if linked, err := filepath.EvalSymlinks(source); err == nil && linked != source {
		names = append(names, linked) // SQLite keeps the other files beside the file that a symbolic link leads to
	}
	for _, name := range names {
		for _, suffix := range []string{"", "-wal", "-shm", "-journal", "-lock"} {
			if isSame(name+suffix, path) {
				return fmt.Errorf("%s: %w", path, ErrOwnFile)
			}
		}
	}
	return nil
}

// isSame reports whether two paths lead to one file or, where none is yet, to one name in one folder.
func isSame(a, b string) bool {
	if areSame(a, b) {
		return true
	}
	return filepath.Base(a) == filepath.Base(b) && areSame(filepath.Dir(a), filepath.Dir(b))
}

func areSame(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// duplicate copies the database of pool into a new file in a folder, and checks it. It leaves no file if it fails.
func duplicate(ctx context.Context, pool *sql.DB, folder string, report func(share float64)) (partial string, err error) {
	version, err := newestVersion(ctx, pool)
	if err != nil {
		return "", err
	}
	if version == 0 {
		return "", fmt.Errorf("%w: the file has no tables of this program; run `latchkey migrate up`", ErrSchemaStale)
	}
	if partial, err = createPartial(folder); err != nil {
		return "", err
	}
	if err = copyPages(ctx, pool, partial, report); err != nil {
		err = fmt.Errorf("copying the database: %w", err)
	} else {
		err = verifyCopy(ctx, partial, version)
	}
	if err != nil {
		discard(partial)
	}
	return partial, err
}

// discard removes an incomplete copy, as far as that is possible: the error that made it incomplete is the one to report.
func discard(partial string) {
	_ = os.Remove(partial)
	_ = os.Remove(partial + "-journal")
}

// createPartial creates an empty file with mode 0600, for a backup that is not complete yet, and returns its absolute path.
func createPartial(folder string) (path string, err error) {
	if folder, err = filepath.Abs(folder); err != nil {
		return "", err
	}
	file, err := os.CreateTemp(folder, partialPattern)
	if err != nil {
		return "", fmt.Errorf("creating the backup: %w", err)
	}
	return file.Name(), file.Close()
}

// copyPages copies the database of pool into the file at path. It reads in one transaction, so that the copy is of one moment,
// and no writer makes it begin anew.
func copyPages(ctx context.Context, pool *sql.DB, path string, report func(share float64)) error {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(raw any) (err error) {
		source := raw.(driver.Conn).Raw()
		if err := source.Exec("BEGIN DEFERRED; SELECT count(*) FROM sqlite_master"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, source.Exec("ROLLBACK")) }()
		backup, err := source.BackupInit("main", sqliteURI(path, nil))
		if err != nil {
			return err
		}
		return errors.Join(step(ctx, backup, report), backup.Close())
	})
}

func step(ctx context.Context, backup *sqlite3.Backup, report func(share float64)) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		done, err := backup.Step(pagesPerStep)
		if err != nil {
			return err
		}
		report(1 - float64(backup.Remaining())/float64(max(backup.PageCount(), 1)))
		if done {
			return nil
		}
	}
}

// verifyCopy checks a copy, which has at least this version of the schema, and makes it a file that needs no other beside it: a
// copy inherits the write-ahead logging of its source.
func verifyCopy(ctx context.Context, path string, version int64) (err error) {
	options := map[string][]string{"_pragma": {"busy_timeout(0)", "synchronous(full)", "journal_mode(delete)"}}
	pool, err := driver.Open(sqliteURI(path, options))
	if err != nil {
		return fmt.Errorf("opening the copy: %w", err)
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	faults, err := integrityFaults(ctx, pool)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return fmt.Errorf("the copy, and so the database, is damaged: %s", faults[0])
	}
	copied, err := newestVersion(ctx, pool)
	if err == nil && copied < version {
		err = errors.New("the copy lacks migrations that the database has")
	}
	return err
}

// publish flushes a complete copy to disk and gives it its name, or removes it if that fails.
func publish(partial, path string) error {
	err := syncPath(partial, os.O_RDWR)
	if err == nil {
		err = os.Rename(partial, path)
	}
	if err != nil {
		discard(partial)
		return fmt.Errorf("naming the copy: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

func syncPath(path string, flag int) error {
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// RemovePartial deletes what backups that were killed before the given time left in a folder.
func RemovePartial(folder string, before time.Time) error {
	leftovers, err := filepath.Glob(filepath.Join(folder, partialPattern+"*"))
	if err != nil {
		return err
	}
	for _, path := range leftovers {
		info, err := os.Stat(path)
		if err != nil || !info.ModTime().Before(before) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
