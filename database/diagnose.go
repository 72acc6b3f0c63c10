package database

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// ErrEncoding means that a PostgreSQL database stores text in another encoding than UTF8, so that it refuses names that people
// have, or stores them as bytes that mean something else to the next program.
var ErrEncoding = errors.New("the database's encoding has to be UTF8")

// CheckEncoding returns ErrEncoding for a PostgreSQL database whose encoding is not UTF8. SQLite's always is.
func (m *Migrator) CheckEncoding(ctx context.Context) error {
	if m.dialect != Postgres {
		return nil
	}
	var encoding string
	if err := m.pool.QueryRowContext(ctx, "SELECT current_setting('server_encoding')").Scan(&encoding); err != nil {
		return fmt.Errorf("reading the database's encoding: %w", err)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("%w, and it is %s", ErrEncoding, encoding)
	}
	return nil
}

// ClockDifference returns by how much the clock now is ahead of the database's, negative if it is behind. What the way to the
// database may explain is not counted. With SQLite, which has no clock of its own, it is 0.
func ClockDifference(ctx context.Context, db *gorm.DB, now func() time.Time) (time.Duration, error) {
	if Dialect(db) != Postgres {
		return 0, nil
	}
	var there time.Time
	before := now()
	if err := db.WithContext(ctx).Raw("SELECT clock_timestamp()").Scan(&there).Error; err != nil {
		return 0, fmt.Errorf("reading the database's clock: %w", err)
	}
	switch after := now(); {
	case there.Before(before):
		return before.Sub(there), nil
	case there.After(after):
		return after.Sub(there), nil
	default:
		return 0, nil
	}
}

// Replication is how the commits of a PostgreSQL server are kept. Standbys is how many servers receive them from it. Commit is
// its synchronous_commit, and Names are the servers that a commit waits for, as in synchronous_standby_names.
type Replication struct {
	Standbys int
	Commit   string
	Names    string
}

// IsDurable reports whether a commit is on disk before it is acknowledged.
func (r Replication) IsDurable() bool { return r.Commit != "off" }

// WaitsForStandby reports whether a commit is on a standby, too, before it is acknowledged.
func (r Replication) WaitsForStandby() bool {
	return r.Names != "" && !slices.Contains([]string{"off", "local"}, r.Commit)
}

// ReadReplication reads how the server of a PostgreSQL database keeps its commits.
func ReadReplication(ctx context.Context, db *gorm.DB) (Replication, error) {
	var read Replication
	err := db.WithContext(ctx).Raw(`SELECT current_setting('synchronous_commit') AS "commit",
		current_setting('synchronous_standby_names') AS names, (SELECT count(*) FROM pg_stat_replication) AS standbys`).
		Scan(&read).Error
	if err != nil {
		return read, fmt.Errorf("reading the state of the replication: %w", err)
	}
	return read, nil
}

// LosesStatements reports whether something between this program and PostgreSQL, such as PgBouncer in transaction mode, gives the
// statements that one connection prepared to another, while the URL says to prepare them: requests would fail now and then.
func LosesStatements(ctx context.Context, url string) (bool, error) {
	config, err := parsePostgresURL(url)
	if err != nil || !preparesByName(config.DefaultQueryExecMode) {
		return false, err
	}
	return sharesConnections(ctx, config)
}

// ErrPooled is returned for a migration through a pooler that does not keep the lock of a session.
var ErrPooled = errors.New("DATABASE_URL leads to a connection pooler in transaction mode, which does not keep the lock " +
	"under which one process migrates: run this with a URL that leads to PostgreSQL itself")

// refusePooler returns ErrPooled if a migration would run through such a pooler.
func refusePooler(ctx context.Context, url string) error {
	config, err := parsePostgresURL(url)
	if err != nil {
		return err
	}
	shares, err := sharesConnections(ctx, config)
	if err == nil && shares {
		err = ErrPooled
	}
	return err
}

// sharesConnections reports whether two connections of this program may be one of PostgreSQL's. It prepares a statement and,
// over a new connection, again.
func sharesConnections(ctx context.Context, config *pgx.ConnConfig) (bool, error) {
	const tries = 5 // other clients may get the pooler's connection in between
	for range tries {
		found, err := prepareOnce(ctx, config)
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// preparesByName reports whether pgx leaves named statements behind in this mode.
func preparesByName(mode pgx.QueryExecMode) bool {
	return mode == pgx.QueryExecModeCacheStatement || mode == pgx.QueryExecModeDescribeExec
}

// prepareOnce prepares a statement over a connection of its own, and reports whether that connection has it already. Then it
// removes it.
func prepareOnce(ctx context.Context, config *pgx.ConnConfig) (hasIt bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	const duplicate = "42P05" // duplicate_prepared_statement
	_, err = conn.PgConn().Prepare(ctx, "latchkey_check", "SELECT 1", nil)
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != duplicate {
		return false, err
	}
	_, err = conn.PgConn().Exec(ctx, "DEALLOCATE latchkey_check").ReadAll()
	if errors.As(err, &refused) {
		err = nil // the pooler chose another connection meanwhile
	}
	return true, err
}
