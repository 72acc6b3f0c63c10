package jobs_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"latchkey/jobs"
	"latchkey/testkit"
)

// TestMain fails when a queue left a goroutine behind. The throwaway server's lives as long as the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("latchkey/database/scratch.(*server).read"))
}

// fixture is a queue on a database of its own, and what it has sent.
type fixture struct {
	db    *sql.DB
	clock *testkit.Clock
	log   *testkit.Log
	queue *jobs.Queue
	sent  *outbox
}

type outbox struct {
	mu    sync.Mutex
	mails []jobs.Mail
	fail  error
}

func (o *outbox) send(_ context.Context, mail jobs.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mails = append(o.mails, mail)
	return o.fail
}

func (o *outbox) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.mails)
}

func eachQueue(t *testing.T, run func(t *testing.T, f fixture)) {
	t.Helper()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		pool, err := db.DB()
		require.NoError(t, err)
		f := fixture{db: pool, clock: today(), log: &testkit.Log{}, sent: &outbox{}}
		f.queue = f.another(t, db)
		run(t, f)
	})
}

// today is a clock that shows the time of the machine, by which River finds what a dead replica left, whatever clock it is
// given.
func today() *testkit.Clock {
	clock := testkit.NewClock()
	clock.Advance(time.Since(clock.Now()).Truncate(time.Second)) // finer than that PostgreSQL rounds
	return clock
}

// another is the queue as another replica sees it.
func (f fixture) another(t *testing.T, db *gorm.DB) *jobs.Queue {
	t.Helper()
	queue, err := jobs.NewQueue(jobs.Options{
		DB: f.db, Dialect: db.Name(), Log: slog.New(slog.NewTextHandler(f.log, nil)), Now: f.clock.Now,
	})
	require.NoError(t, err)
	return queue
}

func (f fixture) add(t *testing.T, mail jobs.Mail) {
	t.Helper()
	tx, err := f.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, f.queue.Add(t.Context(), tx, mail))
	require.NoError(t, tx.Commit())
}

func (f fixture) drain(t *testing.T) {
	t.Helper()
	require.NoError(t, f.queue.Drain(t.Context(), jobs.Work{Mail: f.sent.send}))
}

func (f fixture) unsent(t *testing.T) []jobs.Unsent {
	t.Helper()
	unsent, err := f.queue.Unsent(t.Context())
	require.NoError(t, err)
	return unsent
}

func newMail() jobs.Mail {
	return jobs.Mail{Message: "verify_email", UserID: uuid.Must(uuid.NewV7()), About: uuid.Must(uuid.NewV7())}
}

// The tables are ours to migrate, and must be those that the pinned River would make.
func TestRiverFindsTheTablesItWants(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		pool, err := db.DB()
		require.NoError(t, err)
		var driver riverdriver.Driver[*sql.Tx] = riverdatabasesql.New(pool)
		if db.Name() == "sqlite" {
			driver = riversqlite.New(pool)
		}
		migrator, err := rivermigrate.New(driver, nil)
		require.NoError(t, err)
		result, err := migrator.Validate(t.Context(), nil)
		require.NoError(t, err)
		require.True(t, result.OK, "%v", result.Messages)
		ours := columns(t, db)
		require.NotEmpty(t, ours)

		// Away with ours, and River may make its own.
		for _, table := range []string{"river_notification", "river_queue", "river_leader", "river_job", "river_migration"} {
			require.NoError(t, db.Migrator().DropTable(table))
		}
		if db.Name() == "postgres" {
			require.NoError(t, db.Exec("DROP FUNCTION river_job_state_in_bitmask").Error)
			require.NoError(t, db.Exec("DROP TYPE river_job_state").Error)
		}
		_, err = migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil)
		require.NoError(t, err)
		require.Equal(t, columns(t, db), ours)
	})
}

// columns are River's columns and indexes, as the database describes them.
func columns(t *testing.T, db *gorm.DB) (described []string) {
	t.Helper()
	query := `SELECT m.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '')
		FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.name LIKE 'river%' UNION ALL
		SELECT name || replace(replace(sql, ' ', ''), char(10), '') FROM sqlite_master WHERE type = 'index' AND sql LIKE '%river%' ORDER BY 1`
	if db.Name() == "postgres" {
		query = `SELECT table_name || ' ' || column_name || ' ' || udt_name || ' ' || is_nullable || ' ' || coalesce(column_default, '')
			FROM information_schema.columns WHERE table_name LIKE 'river%' UNION ALL
			SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'river%' AND indexname NOT LIKE '%_pkey%' ORDER BY 1`
	}
	require.NoError(t, db.Raw(query).Scan(&described).Error)
	return described
}

func TestAMailIsSentIfItsTransactionCommitsAndOnlyThen(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		tx, err := f.db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, f.queue.Add(t.Context(), tx, newMail()))
		require.NoError(t, tx.Rollback())
		f.drain(t)
		require.Empty(t, f.sent.mails)

		mail := newMail()
		f.add(t, mail)
		require.Equal(t, jobs.Waiting, f.unsent(t)[0].State)
		f.drain(t)
		require.Equal(t, []jobs.Mail{mail}, f.sent.mails)
		require.Empty(t, f.unsent(t))
		f.drain(t)
		require.Len(t, f.sent.mails, 1, "once")
	})
}

func TestAMailIsTriedForThreeDaysAndThenDead(t *testing.T) {
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
		require.Equal(t, len(waits), strings.Count(f.log.String(), "level=WARN"), "one for each try that is not the last")
		require.Equal(t, 1, strings.Count(f.log.String(), "level=ERROR"))
		require.NotContains(t, f.log.String(), "level=INFO")
		f.clock.Advance(30 * 24 * time.Hour)
		tries := f.sent.count()
		f.drain(t)
		require.Equal(t, tries, f.sent.count())
	})
}

func TestAMailThatCanNeverBeSentIsDeadAtOnceAndCanBeRetried(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		f.sent.fail = jobs.Permanent(errors.New("refused for good"))
		f.add(t, newMail())
		f.drain(t)
		dead := f.unsent(t)[0]
		require.Equal(t, jobs.Dead, dead.State)
		require.Contains(t, dead.LastError, "refused for good")
		require.Contains(t, f.log.String(), `level=ERROR msg="a job failed, and is not tried again"`)
		f.sent.fail = nil
		require.NoError(t, f.queue.Retry(t.Context(), dead.ID))
		f.drain(t)
		require.Equal(t, 2, f.sent.count())
		require.Empty(t, f.unsent(t))
		require.ErrorIs(t, f.queue.Retry(t.Context(), dead.ID), jobs.ErrMailNotFound, "it is sent")
		require.ErrorIs(t, f.queue.Retry(t.Context(), 4711), jobs.ErrMailNotFound)
	})
}

func TestAJobThatPanicsIsLoggedWithoutWhatItSaid(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		f.add(t, newMail())
		require.NoError(t, f.queue.Drain(t.Context(), jobs.Work{Mail: func(context.Context, jobs.Mail) error { panic("hunter2") }}))
		require.Contains(t, f.log.String(), "a job panicked")
		require.Contains(t, f.log.String(), "TestAJobThatPanics", "the stack")
		require.NotContains(t, f.log.String()+f.unsent(t)[0].LastError, "hunter2")
	})
}

// Two replicas share the work, and a mail goes to one of them.
func TestReplicasSendEachMailOnce(t *testing.T) {
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

// A replica that dies while it sends leaves its mail to another one, once it can't be alive any more.
func TestAMailWhoseReplicaDiedIsSentByAnother(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		dead, alive := newMail(), newMail()
		f.add(t, dead)
		f.add(t, alive)
		f.isTaken(t, 1, 3*time.Minute)
		f.isTaken(t, 2, time.Minute)
		require.Equal(t, jobs.Sending, f.unsent(t)[0].State)
		stop, err := f.queue.Start(t.Context(), jobs.Work{Mail: f.sent.send})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			f.clock.Advance(10 * time.Second)
			return f.sent.count() > 0
		}, 60*time.Second, 20*time.Millisecond)
		require.NoError(t, stop(t.Context()))
		require.Equal(t, []jobs.Mail{dead}, f.sent.mails)
	})
}

// isTaken writes what River does when a replica takes a job, which then says no more of it for so long.
func (f fixture) isTaken(t *testing.T, id int, ago time.Duration) {
	t.Helper()
	at := f.clock.Now().Add(-ago).UTC().Format("2006-01-02 15:04:05.000")
	_, err := f.db.Exec(fmt.Sprintf("UPDATE river_job SET state = 'running', attempt = 1, attempted_at = '%s' WHERE id = %d", at, id))
	require.NoError(t, err)
}

func TestSweepsAreDoneOnceAnHourByOneReplica(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		pool, err := db.DB()
		require.NoError(t, err)
		f := fixture{db: pool, clock: testkit.NewClock(), log: &testkit.Log{}}
		var swept, other atomic.Int64
		work := jobs.Work{Sweeps: map[string]func(context.Context) error{
			"sessions": func(context.Context) error { swept.Add(1); return nil },
			"audit":    func(context.Context) error { other.Add(1); return errors.New("out of order") },
		}}
		for restarts := range int64(2) {
			var stops []func(context.Context) error
			for range 2 {
				stop, err := f.another(t, db).Start(t.Context(), work)
				require.NoError(t, err)
				stops = append(stops, stop)
			}
			require.Eventually(t, func() bool { return swept.Load() > restarts && other.Load() > restarts }, 60*time.Second, time.Millisecond)
			for _, stop := range stops {
				require.NoError(t, stop(t.Context()))
			}
			require.Equal(t, restarts+1, swept.Load(), "by one of the replicas, and a failure doesn't repeat")
			f.clock.Advance(time.Hour)
		}
	})
}

func TestStoppingWaitsForWhatIsUnderWay(t *testing.T) {
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

func TestStoppingGivesUpAfterItsTime(t *testing.T) {
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

func TestTheQueueHoldsNothingButIDs(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		mail := newMail()
		f.add(t, mail)
		var args string
		require.NoError(t, f.db.QueryRow("SELECT CAST("+asText(f.db, t)+" AS text) FROM river_job").Scan(&args))
		require.JSONEq(t, fmt.Sprintf(`{"message":"verify_email","user_id":%q,"about":%q}`, mail.UserID, mail.About), args)
	})
}

// asText is the column args as JSON text, which SQLite keeps in a form of its own.
func asText(db *sql.DB, t *testing.T) string {
	t.Helper()
	if _, err := db.Exec("SELECT json(args) FROM river_job"); err == nil {
		return "json(args)"
	}
	return "args"
}
