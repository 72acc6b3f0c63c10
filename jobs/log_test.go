package jobs_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/jobs"
)

func TestFailures_LogAPanicWithoutItsValue(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		f.add(t, newMail())
		require.NoError(t, f.queue.Drain(t.Context(), jobs.Work{Mail: func(context.Context, jobs.Mail) error { panic("hunter2") }}))
		require.Contains(t, f.log.String(), "job panicked")
		require.Contains(t, f.log.String(), "TestFailures_LogAPanic", "the stack")
		require.NotContains(t, f.log.String()+f.unsent(t)[0].LastError, "hunter2")
	})
}
