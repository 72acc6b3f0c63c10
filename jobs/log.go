package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"golang.org/x/time/rate"
)

// failures logs jobs that fail: as a warning if they will be retried, and as an error if they won't.
type failures struct{ log *slog.Logger }

// HandleError logs a failed attempt. It returns nil, which leaves River's retry policy as it is.
func (f failures) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	switch {
	case errors.Is(err, errCleanup): // logged already, with its cause
	case job.Attempt >= job.MaxAttempts:
		f.dead(ctx, job, err)
	default:
		f.log.WarnContext(ctx, "job failed, will be retried", append(about(job), "of", job.MaxAttempts, "error", err)...)
	}
	return nil
}

// HandlePanic is never called: the workers guard themselves.
func (failures) HandlePanic(context.Context, *rivertype.JobRow, any, string) *river.ErrorHandlerResult {
	return nil
}

// ErrPanicked is the error of work that panicked. It has nothing of the panic's value, which may contain an address, because
// River stores a job's error for a month.
var ErrPanicked = errors.New("it panicked; the log has the stack")

// Guard calls do, logs a panic as message, with its value and the stack, and turns it into ErrPanicked.
func Guard(ctx context.Context, log *slog.Logger, message string, do func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			log.ErrorContext(ctx, message, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = ErrPanicked
		}
	}()
	return do()
}

func (f failures) guard(ctx context.Context, job *rivertype.JobRow, do func() error) error {
	return Guard(ctx, f.log.With(about(job)...), "job panicked", do)
}

func (f failures) dead(ctx context.Context, job *rivertype.JobRow, err error) {
	f.log.ErrorContext(ctx, "job failed, will not be retried", append(about(job), "error", err)...)
}

// about returns the log attributes of a job.
func about(job *rivertype.JobRow) []any {
	return []any{"job", job.ID, "kind", job.Kind, "try", job.Attempt}
}

// warnings drops River's routine messages, such as the number of completed jobs that it logs every five seconds, and each message
// that it repeats within a minute, as it does several times a second while the database is away.
type warnings struct {
	slog.Handler
	said *sync.Map // a *rate.Sometimes by message
}

// Enabled reports whether level is a warning or an error, and the wrapped handler accepts it.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// Handle passes a record on, unless its message was passed on within the last minute.
func (w warnings) Handle(ctx context.Context, record slog.Record) (err error) {
	often, _ := w.said.LoadOrStore(record.Message, &rate.Sometimes{Interval: time.Minute})
	often.(*rate.Sometimes).Do(func() { err = w.Handler.Handle(ctx, record) })
	return err
}

// WithAttrs returns a handler that adds the attributes to every record.
func (w warnings) WithAttrs(attributes []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attributes), w.said}
}

// WithGroup returns a handler that puts the attributes of every record under name.
func (w warnings) WithGroup(name string) slog.Handler {
	return warnings{w.Handler.WithGroup(name), w.said}
}
