package passwords

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// queuePerWorker bounds the queue: more could not start within any sensible wait.
const queuePerWorker = 512

// workers compute on a fixed number of low-priority threads, first come, first served.
type workers struct {
	jobs     chan job // unbuffered: the senders blocked on it are the queue, and the runtime serves them in order
	wait     time.Duration
	waiting  atomic.Int64
	waited   atomic.Uint64 // jobs that no worker was free for when they came
	refused  atomic.Uint64 // jobs that could not start in time
	capacity int64
	closing  chan struct{}
	close    func()
	running  sync.WaitGroup
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
	for range count {
		w.running.Go(w.serve)
	}
	return w
}

func (w *workers) serve() {
	lowerPriority()
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

// do runs work on a worker and returns when it has ended. It fails with ErrOverloaded when work could not start in
// time, and with the context's error as soon as that ends; work that has started then ends unobserved.
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

// stop waits for the work that has started and ends the threads.
func (w *workers) stop() {
	w.close()
	w.running.Wait()
}
