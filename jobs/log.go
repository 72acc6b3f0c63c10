package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// failures logs the jobs that fail: as a warning while they are tried again, as an error once they are not.
type failures struct{ log *slog.Logger }

// HandleError is told of a try that failed, and changes nothing.
func (f failures) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	switch {
	case errors.Is(err, errSweep): // its reason is in the log
	case job.Attempt >= job.MaxAttempts:
		f.dead(ctx, job, err)
	default:
		f.log.WarnContext(ctx, "a job failed, and is tried again", append(about(job), "of", job.MaxAttempts, "error", err)...)
	}
	return nil
}

// HandlePanic is never called: the workers guard themselves.
func (failures) HandlePanic(context.Context, *rivertype.JobRow, any, string) *river.ErrorHandlerResult {
	return nil
}

var errPanicked = errors.New("the job panicked; the log has the stack")

// guard has do fail where it panics. River would log and store the value, which can quote what the job was about.
func (f failures) guard(ctx context.Context, job *rivertype.JobRow, do func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			f.log.ErrorContext(ctx, "a job panicked",
				append(about(job), "type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))...)
			err = errPanicked
		}
	}()
	return do()
}

func (f failures) dead(ctx context.Context, job *rivertype.JobRow, err error) {
	f.log.ErrorContext(ctx, "a job failed, and is not tried again", append(about(job), "error", err)...)
}

func about(job *rivertype.JobRow) []any {
	return []any{"job", job.ID, "kind", job.Kind, "try", job.Attempt}
}

// warnings leaves out what River says of its daily business, such as how many jobs it did every five seconds.
type warnings struct{ slog.Handler }

// Enabled keeps warnings and errors.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs adds attributes to every line.
func (w warnings) WithAttrs(attributes []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attributes)}
}

// WithGroup puts the attributes of every line under name.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
