package passwords

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// These tests run in synctest's time, which advances only while every goroutine is blocked.

func inBubble(t *testing.T, count int, test func(t *testing.T, w *workers)) {
	synctest.Test(t, func(t *testing.T) {
		w := startWorkers(count, 2*time.Second)
		defer w.stop()
		test(t, w)
	})
}

// occupy blocks every worker until the returned function is called.
func occupy(t *testing.T, w *workers, count int) (release func()) {
	gate := make(chan struct{})
	for range count {
		go func() { _ = w.do(t.Context(), func() { <-gate }) }()
	}
	synctest.Wait()
	return func() { close(gate) }
}

func TestWorkers_Do_IsOverloadedAfterWait(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, w *workers) {
		release := occupy(t, w, 2)
		start := time.Now()
		err := w.do(t.Context(), func() { t.Error("this must not run") })
		require.ErrorIs(t, err, ErrOverloaded)
		require.Equal(t, 2*time.Second, time.Since(start))
		require.Zero(t, w.waiting())
		release()
		require.NoError(t, w.do(t.Context(), func() {}))
	})
}

func TestWorkers_Do_SlowWorkIsNotOverload(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *workers) {
		require.NoError(t, w.do(t.Context(), func() { time.Sleep(time.Minute) }))
	})
}

func TestWorkers_Do_CanceledLeavesTheQueue(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *workers) {
		release := occupy(t, w, 1)
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() { failed <- w.do(ctx, func() { t.Error("this must not run") }) }()
		synctest.Wait()
		require.EqualValues(t, 1, w.waiting())

		start := time.Now()
		cancel()
		require.ErrorIs(t, <-failed, context.Canceled)
		require.Zero(t, time.Since(start))
		require.Zero(t, w.waiting())
		release()
		require.NoError(t, w.do(t.Context(), func() {}))
	})
}

func TestWorkers_Do_CanceledWhileRunning(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *workers) {
		ctx, cancel := context.WithCancel(t.Context())
		gate, finished := make(chan struct{}), false
		failed := make(chan error, 1)
		go func() { failed <- w.do(ctx, func() { <-gate; finished = true }) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-failed, context.Canceled)
		close(gate)
		require.NoError(t, w.do(t.Context(), func() { require.True(t, finished) }))
	})
}

func TestWorkers_Do_FirstComeFirstServed(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *workers) {
		release := occupy(t, w, 1)
		var order []int
		for i := range 100 {
			go func() { _ = w.do(t.Context(), func() { order = append(order, i) }) }()
			synctest.Wait()
		}
		release()
		synctest.Wait()
		require.Len(t, order, 100)
		require.IsIncreasing(t, order)
	})
}

func TestWorkers_Do_NeverMoreAtOnce(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, w *workers) {
		step := make(chan struct{})
		started, ended := make(chan struct{}, 20), make(chan struct{}, 20)
		for range 20 {
			go func() {
				_ = w.do(t.Context(), func() { started <- struct{}{}; <-step; ended <- struct{}{} })
			}()
		}
		for done := range 20 {
			synctest.Wait()
			require.Len(t, ended, done)
			require.Len(t, started, min(20, done+3))
			step <- struct{}{}
		}
	})
}

func TestWorkers_Do_QueueIsBounded(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *workers) {
		release := occupy(t, w, 1)
		for range queuePerWorker {
			go func() { _ = w.do(t.Context(), func() {}) }()
		}
		synctest.Wait()
		start := time.Now()
		require.ErrorIs(t, w.do(t.Context(), func() {}), ErrOverloaded)
		require.Zero(t, time.Since(start))
		release()
	})
}

func TestWorkers_Stop_RefusesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWorkers(1, 2*time.Second)
		release := occupy(t, w, 1)
		queued, stopped := make(chan error, 1), make(chan struct{})
		go func() { queued <- w.do(t.Context(), func() { t.Error("this must not run") }) }()
		synctest.Wait()
		go func() { w.stop(); close(stopped) }()
		require.ErrorIs(t, <-queued, ErrPoolClosed)
		synctest.Wait()
		select {
		case <-stopped:
			t.Error("stopped before the work that had started ended")
		default:
		}
		release()
		<-stopped
	})
}

func TestWorkers_Do_WorksForThoseWhoAreAheadFirst(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, w *workers) {
		release := occupy(t, w, 1)
		var order []string
		var waiting sync.WaitGroup
		enqueue := func(ctx context.Context, name string) {
			waiting.Go(func() { require.NoError(t, w.do(ctx, func() { order = append(order, name) })) })
			synctest.Wait()
		}
		enqueue(t.Context(), "stranger")
		enqueue(t.Context(), "stranger")
		enqueue(Ahead(t.Context()), "owner")
		enqueue(Ahead(t.Context()), "owner")
		release()
		waiting.Wait()
		require.Equal(t, []string{"owner", "owner", "stranger", "stranger"}, order)
	})
}

func TestWorkers_Do_APanicIsAnErrorAndKeepsItsWorker(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, w *workers) {
		for range 5 {
			err := w.do(t.Context(), func() { panic("a password: hunter2") })
			require.ErrorContains(t, err, "panic while a password was hashed: string")
			require.ErrorContains(t, err, "workers_test.go")
			require.NotContains(t, err.Error(), "hunter2")
			var empty []int
			require.ErrorContains(t, w.do(t.Context(), func() { _ = empty[3] }), "index out of range")
		}
		release := occupy(t, w, 2)
		release()
		require.NoError(t, w.do(t.Context(), func() {}))
	})
}
