package database

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

const slowQuery = 500 * time.Millisecond

// complaintInterval is how often the log says that the database is not available.
const complaintInterval = time.Minute

// queryLogger writes GORM's log lines to slog: failed statements as errors, slow ones as warnings, others at debug level.
// Errors that callers always handle, such as a duplicate key, do not count as failures, and an ErrUnavailable is logged once in a
// complaintInterval. The dialectors' Explain keeps the values out.
type queryLogger struct {
	log        *slog.Logger
	complained atomic.Int64 // when, in nanoseconds since 1970
}

// LogMode returns the logger unchanged: slog's handler decides what is written.
func (l *queryLogger) LogMode(logger.LogLevel) logger.Interface { return l }

// ParamsFilter drops the values of every statement that GORM explains.
func (l *queryLogger) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// Info logs a message of GORM's own, as do Warn and Error. Arguments may contain values, so only the format is written.
func (l *queryLogger) Info(ctx context.Context, format string, _ ...any) {
	l.log.DebugContext(ctx, "gorm: "+format)
}

func (l *queryLogger) Warn(ctx context.Context, format string, _ ...any) {
	l.log.WarnContext(ctx, "gorm: "+format)
}

func (l *queryLogger) Error(ctx context.Context, format string, _ ...any) {
	l.log.ErrorContext(ctx, "gorm: "+format)
}

// Trace logs one statement.
func (l *queryLogger) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), err error) {
	elapsed := time.Since(begin)
	if errors.Is(err, ErrUnavailable) {
		l.complain(ctx, begin.Add(elapsed), err)
		return
	}
	level, message := slog.LevelDebug, "statement"
	switch {
	case err != nil && !isExpected(err):
		level, message = slog.LevelError, "statement failed"
	case elapsed > slowQuery:
		level, message = slog.LevelWarn, "slow statement"
	}
	if !l.log.Enabled(ctx, level) {
		return
	}
	sql, rows := statement()
	attrs := []slog.Attr{slog.String("sql", sql), slog.Duration("duration", elapsed), slog.Int64("rows", rows)}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	l.log.LogAttrs(ctx, level, fmt.Sprintf("database: %s", message), attrs...)
}

// complain logs that the database is not available, unless it did so within the complaintInterval.
func (l *queryLogger) complain(ctx context.Context, now time.Time, err error) {
	last := l.complained.Load()
	if now.UnixNano()-last < int64(complaintInterval) || !l.complained.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	l.log.ErrorContext(ctx, "database: storage is not available; requests that need it get a 503",
		"error", err, "said_again_after", complaintInterval.String())
}

func isExpected(err error) bool {
	return errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, gorm.ErrDuplicatedKey) ||
		errors.Is(err, context.Canceled)
}
