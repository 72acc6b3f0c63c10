package jobs_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/jobs"
)

func TestQueue_Counts_EachState(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		counts := func() map[string]int64 {
			found, err := f.queue.Counts(t.Context())
			require.NoError(t, err)
			states := map[string]int64{}
			for _, count := range found {
				require.Equal(t, "mail", count.Kind)
				require.WithinDuration(t, f.clock.Now(), count.Oldest, time.Hour)
				states[count.State] += count.Jobs
			}
			return states
		}
		require.Empty(t, counts())
		f.add(t, newMail())
		require.Equal(t, map[string]int64{jobs.Waiting: 1}, counts())

		f.sent.fail = errors.New("busy")
		f.drain(t)
		require.Equal(t, map[string]int64{jobs.Failing: 1}, counts())
		f.add(t, newMail())
		require.Equal(t, map[string]int64{jobs.Failing: 1, jobs.Waiting: 1}, counts())

		f.sent.fail = jobs.Permanent(errors.New("no such user"))
		f.drain(t)
		require.Equal(t, map[string]int64{jobs.Failing: 1, jobs.Dead: 1}, counts())
		require.NoError(t, f.queue.Retry(t.Context(), f.unsent(t)[1].ID))
		require.Equal(t, map[string]int64{jobs.Failing: 2}, counts(), "a retry of a dead mail is not its first attempt")

		f.sent.fail = nil
		f.clock.Advance(time.Minute)
		f.drain(t)
		require.Empty(t, counts(), "sent")
	})
}
