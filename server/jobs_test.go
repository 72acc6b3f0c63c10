package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInBatches_DeletesUntilABatchIsNotFull(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	for name, c := range map[string]struct {
		deleted []int64
		err     error
	}{
		"nothing":              {[]int64{0}, nil},
		"several":              {[]int64{cleanupBatch, cleanupBatch, 3}, nil},
		"a full one":           {[]int64{cleanupBatch, 0}, nil},
		"a failing one":        {[]int64{cleanupBatch, 0}, failed},
		"failing, though full": {[]int64{cleanupBatch, cleanupBatch}, failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			err := inBatches(func(_ context.Context, limit int) (int64, error) {
				require.Equal(t, cleanupBatch, limit)
				calls++
				if calls == len(c.deleted) {
					return c.deleted[calls-1], c.err
				}
				return c.deleted[calls-1], nil
			})(t.Context())
			require.ErrorIs(t, err, c.err)
			require.Len(t, c.deleted, calls)
		})
	}
}

func TestServer_RunTasks_LogsAFailureAndRunsTheOthers(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ran := 0
	run := func(err error) func(context.Context) error {
		return func(context.Context) error {
			ran++
			return err
		}
	}
	server := &Server{log: slog.New(slog.NewTextHandler(&log, nil)), tasks: []task{
		{"first", run(errors.New("the database is down"))}, {"stopped", run(context.Canceled)},
		{"careless", func(context.Context) error { panic("a sleeve caught fire") }}, {"last", run(nil)},
	}}
	server.RunTasks(t.Context())
	require.Equal(t, 3, ran)
	require.Equal(t, 3, strings.Count(log.String(), "\n"), "%s", log.String())
	require.Contains(t, log.String(), `task=careless panic="a sleeve caught fire"`)
	require.Contains(t, log.String(), `task=first error="the database is down"`)
}
