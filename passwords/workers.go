package passwords

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// queuePerWorker bounds the queue: more jobs could not start within any sensible wait.
const queuePerWorker = 512

// workers runs jobs on a fixed number of low-priority threads, first come, first served.
type workers struct {
	jobs     chan job // unbuffered: the senders blocked on it are the queue, which the runtime serves in order
	wait     time.Duration
	waiting  atomic.Int64
	waited   atomic.Uint64 // jobs that found no free worker
	refused  atomic.Uint64 // jobs that could not start in time
	capacity int64
	closing  chan struct{}
	close    func()
	running  sync.WaitGroup
	priority error // why the threads run at the normal priority
}

type job struct {
	work func()
	done chan struct{}
}

func startWorkers(count int, wait time.Duration) *workers {
	w := &workers{
		jobs:     make(chan job),
		wait:     wait,
		capacity: int64(count) * queuePerWorker,
		closing:  make(chan struct{}),
	}
	w.close = sync.OnceFunc(func() { close(w.closing) })
	started := make(chan error, count)
	for range count {
		w.running.Go(func() {
			started <- lowerPriority()
			w.serve()
		})
	}
	for range count {
		w.priority = cmp.Or(w.priority, <-started)
	}
	return w
}

func (w *workers) serve() {
	for {
		select {
		case j := <-w.jobs:
			j.work()
			close(j.done)
		case <-w.closing:
			return
		}
	}
}

// do calls work on a worker and returns when it has returned. It fails with ErrOverloaded if work can't start in time, with
// ErrPoolClosed after stop, and with the context's error once that has ended; work that has started still runs to its end.
func (w *workers) do(ctx context.Context, work func()) error {
	j := job{work: work, done: make(chan struct{})}
	err := w.enqueue(ctx, j)
	if errors.Is(err, ErrOverloaded) {
		w.refused.Add(1)
	}
	if err != nil {
		return err
	}
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// enqueue returns nil once a worker has taken the job.
func (w *workers) enqueue(ctx context.Context, j job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case w.jobs <- j:
		return nil
	default: // every worker is busy
	}
	w.waited.Add(1)
	defer w.waiting.Add(-1)
	if w.waiting.Add(1) > w.capacity {
		return ErrOverloaded
	}
	timer := time.NewTimer(w.wait)
	defer timer.Stop()
	select {
	case w.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ErrOverloaded
	case <-w.closing:
		return ErrPoolClosed
	}
}

// stop refuses queued jobs, waits for those that have started and ends the threads.
func (w *workers) stop() {
	w.close()
	w.running.Wait()
}
