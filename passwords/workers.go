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

// workers runs jobs on a fixed number of low-priority threads, first come, first served, but those of [Ahead] before all others.
type workers struct {
	jobs     chan job // unbuffered: the senders blocked on it are the queue, which the runtime serves in order
	ahead    chan job // as jobs
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
		ahead:    make(chan job),
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
		j, ok := w.next()
		if !ok {
			return
		}
		j.work()
		close(j.done)
	}
}

// next waits for a job. It returns false once the workers are closed.
func (w *workers) next() (j job, ok bool) {
	select {
	case j = <-w.ahead:
		return j, true
	default:
	}
	select {
	case j = <-w.ahead:
		return j, true
	case j = <-w.jobs:
		return j, true
	case <-w.closing:
		return job{}, false
	}
}

type aheadKey struct{}

// Ahead returns a context whose hashes are computed before those that wait without it. It is for who has proved something
// already, such as a device that logged in before, so that guessers can't crowd them out.
func Ahead(ctx context.Context) context.Context { return context.WithValue(ctx, aheadKey{}, true) }

// queue returns the queue for the jobs of a context.
func (w *workers) queue(ctx context.Context) chan<- job {
	if ctx.Value(aheadKey{}) != nil {
		return w.ahead
	}
	return w.jobs
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
	queue := w.queue(ctx)
	select {
	case queue <- j:
		return nil
	default: // every worker is busy
	}
	w.waited.Add(1)
	defer w.waiting.Add(-1)
	if w.waiting.Add(1) > w.capacity && queue != w.ahead {
		return ErrOverloaded
	}
	timer := time.NewTimer(w.wait)
	defer timer.Stop()
	select {
	case queue <- j:
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
