package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"gorm.io/gorm"
)

// probeTimeout is how long a probe is expected to wait for the database.
const probeTimeout = time.Second

// Probe finds out whether a database can serve now. It has a connection of its own, because those of a pool may all be in use.
type Probe struct {
	pool    *sql.DB
	dialect string
	path    string // of an SQLite file
	file    fs.FileInfo
}

// NewProbe returns a probe of the database that db was opened on. Close it after use.
func NewProbe(db *gorm.DB) (*Probe, error) {
	p := &Probe{dialect: Dialect(db)}
	if dialector, ok := db.Dialector.(sqliteDialector); ok {
		if err := p.watch(dialector.url); err != nil {
			return nil, err
		}
	}
	again, ok := db.Dialector.(interface{ openAgain() (*sql.DB, error) })
	if !ok {
		return nil, errors.New("the database was not opened by this package")
	}
	var err error
	if p.pool, err = again.openAgain(); err != nil {
		return nil, err
	}
	p.pool.SetMaxOpenConns(1)
	return p, nil
}

// watch stores which file the URL names now.
func (p *Probe) watch(url string) (err error) {
	if p.path, err = sqlitePath(url); err != nil {
		return err
	}
	p.file, err = os.Stat(p.path)
	return err
}

// Close closes the connection.
func (p *Probe) Close() error { return p.pool.Close() }

// Check returns nil if the database responds before ctx ends, is not a read-only PostgreSQL nor an SQLite file that was removed
// or replaced, and has a schema that this program can serve. Errors are
// ErrUnavailable, [ErrSchemaStale] and [ErrSchemaNewer].
func (p *Probe) Check(ctx context.Context) error {
	err := p.check(ctx)
	if err != nil && ctx.Err() == nil && isUnavailable(err) {
		err = p.check(ctx) // on another connection, since that one may have been cut
	}
	return withAvailability(err)
}

func (p *Probe) check(ctx context.Context) (err error) {
	if err := p.checkFile(); err != nil { // first, because SQLite would create a file that is gone
		return err
	}
	conn, err := p.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil { // whatever was wrong with it, the next check asks on another one
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
		_ = conn.Close()
	}()
	if err := p.checkWritable(ctx, conn); err != nil {
		return err
	}
	return checkSchema(ctx, conn, p.dialect)
}

func (p *Probe) checkWritable(ctx context.Context, conn *sql.Conn) error {
	if p.dialect == SQLite {
		return nil
	}
	var setting string
	if err := conn.QueryRowContext(ctx, "SELECT current_setting('transaction_read_only')").Scan(&setting); err != nil {
		return err
	}
	if setting == "on" {
		return fmt.Errorf("%w: PostgreSQL is read-only, as a standby is", ErrUnavailable)
	}
	return nil
}

// checkFile fails if the file was removed or replaced since. SQLite would write on to the file that has no name any more.
func (p *Probe) checkFile() error {
	if p.dialect != SQLite {
		return nil
	}
	file, err := os.Stat(p.path)
	if err != nil || !os.SameFile(p.file, file) {
		return fmt.Errorf("%w: %s is no longer the file that was opened; restart the service", ErrUnavailable, p.path)
	}
	return nil
}
