package jobs_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/jobs"
	"latchkey/testkit"
)

func TestFailures_LogAPanicAndStoreNoneOfIt(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		f.add(t, newMail())
		require.NoError(t, f.queue.Drain(t.Context(), jobs.Work{Mail: func(context.Context, jobs.Mail) error { panic("a sleeve caught fire") }}))
		require.Contains(t, f.log.String(), "job panicked")
		require.Contains(t, f.log.String(), "TestFailures_LogAPanic", "the stack")
		require.Contains(t, f.log.String(), "a sleeve caught fire")
		require.NotContains(t, f.unsent(t)[0].LastError, "fire")
	})
}

func TestWarnings_AreSaidOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &testkit.Log{}
		river := slog.New(jobs.NewWarnings(slog.NewTextHandler(log, nil)))
		river.Error("can't fetch")
		time.Sleep(time.Second)
		river.Error("can't fetch")
		river.Info("jobs completed")
		time.Sleep(time.Second)
		river.With("queue", "default").Warn("no leader")
		time.Sleep(57 * time.Second)
		river.With("queue", "default").Error("can't fetch")
		time.Sleep(time.Second)
		river.Error("can't fetch")
		require.Equal(t, 2, strings.Count(log.String(), "can't fetch"))
		require.Equal(t, 1, strings.Count(log.String(), "no leader"))
		require.NotContains(t, log.String(), "jobs completed")
	})
}
