package passwords

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// queuePerWorker bounds the queue: more jobs could not start within any sensible wait.
const queuePerWorker = 512

// workers runs jobs on a fixed number of low-priority threads: those of [Ahead] before all others, and else first come, first
// served.
type workers struct {
	others   queue
	ahead    queue
	wait     time.Duration
	waited   atomic.Uint64 // jobs that found no free worker
	refused  atomic.Uint64 // jobs that could not start in time
	capacity int64
	closing  chan struct{}
	close    func()
	running  sync.WaitGroup
	priority error // why the threads run at the normal priority
}

// queue is what its senders are blocked on, whom the runtime serves in order.
type queue struct {
	jobs    chan job // unbuffered
	waiting atomic.Int64
}

type job struct {
	work func()
	done chan error // of one element
}

// run calls a job's work, and turns a panic into an error: on a worker it would end the process. The error holds no value of the
// panic but a runtime error, because another could quote a password.
func (j job) run() (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			kind := fmt.Sprintf("%T", cause)
			if wrong, isRuntime := cause.(runtime.Error); isRuntime {
				kind = wrong.Error()
			}
			err = fmt.Errorf("panic while a password was hashed: %s\n%s", kind, debug.Stack())
		}
	}()
	j.work()
	return nil
}

func startWorkers(count int, wait time.Duration) *workers {
	w := &workers{
		others:   queue{jobs: make(chan job)},
		ahead:    queue{jobs: make(chan job)},
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
		j.done <- j.run()
	}
}

// next waits for a job. It returns false once the workers are closed.
func (w *workers) next() (j job, ok bool) {
	select {
	case j = <-w.ahead.jobs:
		return j, true
	default:
	}
	select {
	case j = <-w.ahead.jobs:
		return j, true
	case j = <-w.others.jobs:
		return j, true
	case <-w.closing:
		return job{}, false
	}
}

type aheadKey struct{}

// Ahead returns a context whose hashes are computed before those that wait without it. It is for those who have proved something
// already, such as a device that logged in before, so that guessers can't crowd them out.
func Ahead(ctx context.Context) context.Context { return context.WithValue(ctx, aheadKey{}, true) }

// queueOf returns the queue for the jobs of a context.
func (w *workers) queueOf(ctx context.Context) *queue {
	if ctx.Value(aheadKey{}) != nil {
		return &w.ahead
	}
	return &w.others
}

// do calls work on a worker and returns when it has returned. It fails with ErrOverloaded if work can't start in time, with
// ErrPoolClosed after stop, with the context's error once that has ended, and with another error if work panics; work that has
// started still runs to its end.
func (w *workers) do(ctx context.Context, work func()) error {
	j := job{work: work, done: make(chan error, 1)}
	err := w.enqueue(ctx, j)
	if errors.Is(err, ErrOverloaded) {
		w.refused.Add(1)
	}
	if err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return tooLate(ctx)
	}
}

// tooLate returns why a context ended: ErrOverloaded for its deadline.
func tooLate(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrOverloaded
	}
	return ctx.Err()
}

// enqueue returns nil once a worker has taken the job.
func (w *workers) enqueue(ctx context.Context, j job) error {
	if ctx.Err() != nil {
		return tooLate(ctx)
	}
	queue := w.queueOf(ctx)
	select {
	case queue.jobs <- j:
		return nil
	default: // every worker is busy
	}
	w.waited.Add(1)
	defer queue.waiting.Add(-1)
	if queue.waiting.Add(1) > w.capacity {
		return ErrOverloaded
	}
	timer := time.NewTimer(w.wait)
	defer timer.Stop()
	select {
	case queue.jobs <- j:
		return nil
	case <-ctx.Done():
		return tooLate(ctx)
	case <-timer.C:
		return ErrOverloaded
	case <-w.closing:
		return ErrPoolClosed
	}
}

// waiting returns the number of jobs in both queues.
func (w *workers) waiting() int64 { return w.others.waiting.Load() + w.ahead.waiting.Load() }

// stop refuses queued jobs, waits for those that have started and ends the threads.
func (w *workers) stop() {
	w.close()
	w.running.Wait()
}
