package jobs_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
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
	log := &testkit.Log{}
	handler := jobs.NewWarnings(slog.NewTextHandler(log, nil))
	start := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	say := func(after time.Duration, level slog.Level, message string) {
		if handler.Enabled(t.Context(), level) {
			require.NoError(t, handler.Handle(t.Context(), slog.NewRecord(start.Add(after), level, message, 0)))
		}
	}
	say(0, slog.LevelError, "can't fetch")
	say(time.Second, slog.LevelError, "can't fetch")
	say(time.Second, slog.LevelInfo, "jobs completed")
	say(2*time.Second, slog.LevelWarn, "no leader")
	say(59*time.Second, slog.LevelError, "can't fetch")
	say(time.Minute, slog.LevelError, "can't fetch")
	require.Equal(t, 2, strings.Count(log.String(), "can't fetch"))
	require.Equal(t, 1, strings.Count(log.String(), "no leader"))
	require.NotContains(t, log.String(), "jobs completed")
}
