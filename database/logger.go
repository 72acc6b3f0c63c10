package database

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

const slowQuery = 500 * time.Millisecond

// queryLogger writes GORM's log lines to slog: failed statements as errors, slow ones as warnings, others at debug level.
// Errors that callers always handle, such as a duplicate key, do not count as failures, nor does an ErrUnavailable, of which the
// dialectors complain. Their Explain keeps the values out.
type queryLogger struct{ log *slog.Logger }

// LogMode returns the logger unchanged: slog's handler decides what is written.
func (l queryLogger) LogMode(logger.LogLevel) logger.Interface { return l }

// ParamsFilter drops the values of every statement that GORM explains.
func (l queryLogger) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

// Info logs a message of GORM's own, as do Warn and Error. Arguments may contain values, so only the format is written.
func (l queryLogger) Info(ctx context.Context, format string, _ ...any) {
	l.log.DebugContext(ctx, "gorm: "+format)
}

func (l queryLogger) Warn(ctx context.Context, format string, _ ...any) {
	l.log.WarnContext(ctx, "gorm: "+format)
}

func (l queryLogger) Error(ctx context.Context, format string, _ ...any) {
	l.log.ErrorContext(ctx, "gorm: "+format)
}

// Trace logs one statement.
func (l queryLogger) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), err error) {
	elapsed := time.Since(begin)
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

func isExpected(err error) bool {
	return errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, gorm.ErrDuplicatedKey) ||
		errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable)
}
