package database

import (
	"context"
	"database/sql/driver"
	"math"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/time/rate"
)

// staleness finds connections that are no longer good for what they were made for. Once one of them was lost, or PostgreSQL said
// that it can't serve on it, it and all that were made before are replaced when they are next used: after a failover the others
// may still lead to a server that has become a standby.
type staleness struct {
	generation atomic.Uint64
	readOnly   rate.Sometimes // while the database stays so, not every write may have all connections replaced
}

func newStaleness() *staleness { return &staleness{readOnly: rate.Sometimes{Interval: time.Second}} }

const generationKey = "latchkey.generation"

// note stores with a new connection when it was made.
func (s *staleness) note(conn *pgx.Conn) {
	conn.PgConn().CustomData()[generationKey] = s.generation.Load()
}

func generationOf(conn *pgx.Conn) uint64 {
	generation, _ := conn.PgConn().CustomData()[generationKey].(uint64)
	return generation
}

// TraceQueryStart does nothing; it and TraceQueryEnd make the type a [pgx.QueryTracer].
func (s *staleness) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd gives up a connection that is of no use, and begins a new generation if it is of the present one. A statement
// that was cancelled says nothing about the others.
func (s *staleness) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	if data.Err == nil || ctx.Err() != nil || !isConnectionLost(data.Err) {
		return
	}
	generation := generationOf(conn)
	conn.PgConn().CustomData()[generationKey] = uint64(math.MaxUint64)
	begin := func() { s.generation.CompareAndSwap(generation, generation+1) }
	if hasState(data.Err, []string{readOnly}) {
		s.readOnly.Do(begin)
		return
	}
	begin()
}

// check returns [driver.ErrBadConn] for a connection of an earlier generation, which makes the pool replace it.
func (s *staleness) check(_ context.Context, conn *pgx.Conn) error {
	if generationOf(conn) != s.generation.Load() {
		return driver.ErrBadConn
	}
	return nil
}
