package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// A migration that waits for a lock makes every request on that table queue behind it. So it waits for at most lockTimeout,
// lets the requests pass, and tries again. That is less than PostgreSQL's deadlock_timeout, a second: where migration and
// request wait for each other, the migration gives way.
const (
	lockTimeout          = "500ms"
	blockersInterval     = 200 * time.Millisecond // below lockTimeout, so that a wait is seen before it ends
	migratorName         = "latchkey migrate"     // the application_name of the migrator's connections
	codeLockNotAvailable = "55P03"
	codeDeadlock         = "40P01"
)

// lockRetries is how often a migration that did not get a lock is tried, and how long requests have between two tries.
type lockRetries struct {
	tries int
	pause time.Duration
}

// openPostgresForMigration returns a pool whose connections wait at most lockTimeout for a lock, and without limit for a
// statement. Whatever a migration sets is set back before the connection's next use.
func openPostgresForMigration(url string) (*sql.DB, error) {
	config, err := parsePostgresURL(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["application_name"] = migratorName
	config.DialFunc = dialer().DialContext
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(limitLocks), stdlib.OptionResetSession(limitLocks)), nil
}

func limitLocks(ctx context.Context, conn *pgx.Conn) error {
	const limits = "SET lock_timeout = '" + lockTimeout + "'; SET statement_timeout = 0"
	if _, err := conn.PgConn().Exec(ctx, limits).ReadAll(); err != nil {
		return fmt.Errorf("limiting how long a migration waits for a lock: %w", err)
	}
	// With this the server soon ends the statement of a killed migrator, which would otherwise keep its locks to the end.
	// Servers before version 14 lack the setting and some systems refuse it: there, the next migrator waits for that end.
	const notice = "SELECT set_config(name, '1s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'"
	_, _ = conn.PgConn().Exec(ctx, notice).ReadAll()
	return nil
}

// retry calls step, which applies or rolls back one migration, until it got the locks that it needs, or failed otherwise, or
// was tried as often as m.retries says. Then the error names who held the lock.
func (m *Migrator) retry(
	ctx context.Context, step func(context.Context) (*goose.MigrationResult, error),
) (*goose.MigrationResult, error) {
	for try := 1; ; try++ {
		stop := m.watchBlockers(ctx)
		result, err := step(ctx)
		blockers := stop()
		switch {
		case !lacksLock(err):
			return result, err
		case try == m.retries.tries:
			return nil, lockError(err, try, blockers)
		}
		m.log.WarnContext(ctx, "a migration did not get a lock and will be tried again", "try", try, "blockers", blockers)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(m.retries.pause):
		}
	}
}

// lacksLock reports whether err says that a statement waited too long for a lock, or waited in a circle with another
// transaction.
func lacksLock(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == codeLockNotAvailable || refused.Code == codeDeadlock)
}

// lockError adds to the error of a migration's last try who held the lock and what to do about it.
func lockError(err error, tries int, blockers []string) error {
	var partial *goose.PartialError
	if !errors.As(err, &partial) {
		return err
	}
	holders := "unknown"
	if len(blockers) > 0 {
		holders = strings.Join(blockers, ", ")
	}
	explained := fmt.Errorf("it did not get a lock within %s in any of %d tries; blocked by %s; wait until those transactions have "+
		"ended, or end them with pg_terminate_backend(pid), and run the command again: %w", lockTimeout, tries, holders, partial.Err)
	return &goose.PartialError{Applied: partial.Applied, Failed: partial.Failed, Err: explained}
}

// watchBlockers looks for transactions that block a migration, until stop is called, which returns those seen last.
func (m *Migrator) watchBlockers(ctx context.Context) (stop func() []string) {
	if m.dialect != Postgres {
		return func() []string { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	seen := make(chan []string, 1)
	go func() {
		var last []string
		for {
			select {
			case <-ctx.Done():
				seen <- last
				return
			case <-time.After(blockersInterval):
				if found := m.blockers(ctx); len(found) > 0 {
					last = found
				}
			}
		}
	}()
	return func() []string {
		cancel()
		return <-seen
	}
}

// blockers describes the sessions that a connection of a migrator waits for. It leaves their statements out, which may hold
// personal data. Without an answer there are no blockers: they are only for the message.
func (m *Migrator) blockers(ctx context.Context) (found []string) {
	rows, err := m.pool.QueryContext(ctx, `SELECT DISTINCT format('pid %s (%s, %s, %s s in its transaction)', blocker.pid,
			coalesce(nullif(blocker.application_name, ''), 'no name'), coalesce(blocker.state, 'state unknown'),
			coalesce(round(extract(epoch FROM clock_timestamp() - blocker.xact_start))::text, '?'))
		FROM pg_stat_activity AS migrator
		CROSS JOIN LATERAL unnest(pg_blocking_pids(migrator.pid)) AS blocking (pid)
		JOIN pg_stat_activity AS blocker ON blocker.pid = blocking.pid
		WHERE migrator.application_name = $1 AND migrator.datname = current_database()`, migratorName)
	if err != nil {
		return nil
	}
	defer rows.Close()
	for rows.Next() {
		var blocker string
		if rows.Scan(&blocker) == nil {
			found = append(found, blocker)
		}
	}
	if rows.Err() != nil {
		return nil
	}
	return found
}
