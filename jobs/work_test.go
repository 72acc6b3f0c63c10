package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/jobs"
	"latchkey/testkit"
)

func TestQueue_RetriesAMailForThreeDays(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		f.sent.fail = errors.New("the mail server is away")
		start := f.clock.Now()
		f.add(t, newMail())
		var waits []time.Duration
		for {
			f.drain(t)
			mail := f.unsent(t)[0]
			require.Equal(t, f.sent.count(), mail.Tries)
			require.Equal(t, "the mail server is away", mail.LastError)
			if mail.State == jobs.Dead {
				require.Zero(t, mail.NextTry)
				break
			}
			require.Equal(t, jobs.Failing, mail.State)
			waits = append(waits, mail.NextTry.Sub(f.clock.Now()))
			f.clock.Advance(mail.NextTry.Sub(f.clock.Now()) - time.Millisecond)
			f.drain(t)
			require.Equal(t, mail.Tries, f.sent.count(), "not before its time")
			f.clock.Advance(time.Millisecond)
		}
		require.Less(t, waits[0]+waits[1]+waits[2], 30*time.Second)
		require.InDelta(t, 72*time.Hour, f.clock.Now().Sub(start), float64(2*time.Hour))
		for i := range waits[1:] {
			require.LessOrEqual(t, waits[i], waits[i+1])
		}
		require.Equal(t, len(waits), strings.Count(f.log.String(), "level=WARN"), "one for each attempt but the last")
		require.Equal(t, 1, strings.Count(f.log.String(), "level=ERROR"))
		require.NotContains(t, f.log.String(), "level=INFO")
		f.clock.Advance(30 * 24 * time.Hour)
		tries := f.sent.count()
		f.drain(t)
		require.Equal(t, tries, f.sent.count())
	})
}

// Two replicas share the work; each mail is sent by one of them.
func TestQueue_ReplicasSendEachMailOnce(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		pool, err := db.DB()
		require.NoError(t, err)
		f := fixture{db: pool, clock: testkit.NewClock(), log: &testkit.Log{}, sent: &outbox{}}
		f.queue = f.another(t, db)
		const mails = 40
		for range mails {
			f.add(t, newMail())
		}
		other := f.another(t, db)
		work := jobs.Work{Mail: f.sent.send}
		errs := make([]error, 2)
		var group sync.WaitGroup
		group.Go(func() { errs[0] = f.queue.Drain(context.Background(), work) })
		group.Go(func() { errs[1] = other.Drain(context.Background(), work) })
		group.Wait()
		require.NoError(t, errors.Join(errs...))
		seen := map[jobs.Mail]bool{}
		for _, mail := range f.sent.mails {
			require.False(t, seen[mail], "twice")
			seen[mail] = true
		}
		require.Len(t, seen, mails)
	})
}

// Another replica sends the mails of one that died while sending, once the attempt has taken longer than any can.
func TestQueue_Start_SendsTheMailOfADeadReplica(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		dead, alive := newMail(), newMail()
		f.add(t, dead)
		f.add(t, alive)
		f.take(t, 1, 3*time.Minute)
		f.take(t, 2, time.Minute)
		require.Equal(t, jobs.Sending, f.unsent(t)[0].State)
		stop, err := f.queue.Start(t.Context(), jobs.Work{Mail: f.sent.send})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			f.clock.Advance(10 * time.Second)
			return f.sent.count() > 0
		}, 60*time.Second, 20*time.Millisecond)
		require.NoError(t, stop(t.Context()))
		dead.Attempt = 2
		require.Equal(t, []jobs.Mail{dead}, f.sent.mails)
	})
}

// take marks a job as River does when a replica takes it, at a moment in the past.
func (f fixture) take(t *testing.T, id int, ago time.Duration) {
	t.Helper()
	at := f.clock.Now().Add(-ago).UTC().Format("2006-01-02 15:04:05.000")
	_, err := f.db.Exec(fmt.Sprintf("UPDATE river_job SET state = 'running', attempt = 1, attempted_at = '%s' WHERE id = %d", at, id))
	require.NoError(t, err)
}

func TestQueue_Start_RunsEachCleanupOnceAnHourOnOneReplica(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		pool, err := db.DB()
		require.NoError(t, err)
		f := fixture{db: pool, clock: testkit.NewClock(), log: &testkit.Log{}}
		var cleaned, other atomic.Int64
		work := jobs.Work{Cleanups: map[string]func(context.Context) error{
			"sessions": func(context.Context) error { cleaned.Add(1); return nil },
			"audit":    func(context.Context) error { other.Add(1); return errors.New("out of order") },
		}}
		for restarts := range int64(2) {
			var stops []func(context.Context) error
			for range 2 {
				stop, err := f.another(t, db).Start(t.Context(), work)
				require.NoError(t, err)
				stops = append(stops, stop)
			}
			require.Eventually(t, func() bool { return cleaned.Load() > restarts && other.Load() > restarts }, 60*time.Second, time.Millisecond)
			for _, stop := range stops {
				require.NoError(t, stop(t.Context()))
			}
			require.Equal(t, restarts+1, cleaned.Load(), "by one of the replicas, and a failure is not retried")
			f.clock.Advance(time.Hour)
		}
		var kinds []string // as older versions, whose jobs a database may hold, have stored them
		require.NoError(t, db.Raw("SELECT DISTINCT kind FROM river_job").Scan(&kinds).Error)
		require.Equal(t, []string{"sweep"}, kinds)
	})
}

func TestQueue_Start_StopWaitsForRunningJobs(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		f.add(t, newMail())
		began, finish, ended := make(chan struct{}), make(chan struct{}), atomic.Bool{}
		stop, err := f.queue.Start(t.Context(), jobs.Work{Mail: func(context.Context, jobs.Mail) error {
			close(began)
			<-finish
			ended.Store(true)
			return nil
		}})
		require.NoError(t, err)
		<-began
		done := make(chan error)
		go func() { done <- stop(context.Background()) }()
		close(finish)
		require.NoError(t, <-done)
		require.True(t, ended.Load())
		require.Empty(t, f.unsent(t))
	})
}

func TestQueue_Start_StopCancelsJobsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		f.add(t, newMail())
		began := make(chan struct{})
		stop, err := f.queue.Start(t.Context(), jobs.Work{Mail: func(ctx context.Context, _ jobs.Mail) error {
			close(began)
			<-ctx.Done()
			return ctx.Err()
		}})
		require.NoError(t, err)
		<-began
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, stop(ctx))
		require.Equal(t, jobs.Waiting, f.unsent(t)[0].State, "for another try, now or at the next start")
	})
}
