package jobs_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/jobs"
)

func TestQueue_Retry_SendsADeadMail(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		f.sent.fail = jobs.Permanent(errors.New("refused for good"))
		f.add(t, newMail())
		f.drain(t)
		dead := f.unsent(t)[0]
		require.Equal(t, jobs.Dead, dead.State)
		require.Contains(t, dead.LastError, "refused for good")
		require.Contains(t, f.log.String(), `level=ERROR msg="job failed, will not be retried"`)
		f.sent.fail = nil
		require.NoError(t, f.queue.Retry(t.Context(), dead.ID))
		f.drain(t)
		require.Equal(t, 2, f.sent.count())
		require.Empty(t, f.unsent(t))
		require.ErrorIs(t, f.queue.Retry(t.Context(), dead.ID), jobs.ErrMailNotFound, "it has been sent")
		require.ErrorIs(t, f.queue.Retry(t.Context(), 4711), jobs.ErrMailNotFound)
	})
}

func TestQueue_RetryDead_SendsEveryDeadMail(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		f.sent.fail = jobs.Permanent(errors.New("refused for good"))
		f.add(t, newMail())
		f.add(t, newMail())
		f.drain(t)
		f.add(t, newMail())
		retried, err := f.queue.RetryDead(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, retried, "and not the waiting one")
		f.sent.fail = nil
		f.drain(t)
		require.Equal(t, 5, f.sent.count())
		require.Empty(t, f.unsent(t))
	})
}
