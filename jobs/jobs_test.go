package jobs_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
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

// TestMain fails if a queue left a goroutine behind. The goroutine of the throwaway server lives as long as the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("latchkey/database/scratch.(*server).read"))
}

// fixture is a queue on a database of its own, and the mails that it has sent.
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

// today returns a clock that starts at the machine's time: River finds the jobs of a dead replica by that, whatever clock it
// is given.
func today() *testkit.Clock {
	clock := testkit.NewClock()
	clock.Advance(time.Since(clock.Now()).Truncate(time.Second)) // PostgreSQL rounds anything finer
	return clock
}

// another returns another replica's view of the queue.
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

// Our own migrations create River's tables, which must be those that the pinned River would create.
func TestRiver_TablesAreThoseOfThePinnedVersion(t *testing.T) {
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
		marked, err := migrator.ExistingVersions(t.Context())
		require.NoError(t, err)
		pinned := migrator.AllVersions()
		require.Equal(t, pinned[len(pinned)-1].Version, marked[len(marked)-1].Version, "our migrations mark River's version in river_migration")
		ours := columns(t, db)
		require.NotEmpty(t, ours)

		// Drop ours, and let River create its own.
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

// columns returns River's columns and indexes, as the database describes them.
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

func TestNewQueue_RefusesAnUnknownDialect(t *testing.T) {
	t.Parallel()
	_, err := jobs.NewQueue(jobs.Options{Dialect: "mysql"})
	require.ErrorContains(t, err, `"mysql"`)
}

func TestQueue_Add_SendsIfTheTransactionCommitsAndOnlyThen(t *testing.T) {
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
		mail.Attempt = 1
		require.Equal(t, []jobs.Mail{mail}, f.sent.mails)
		require.Empty(t, f.unsent(t))
		f.drain(t)
		require.Len(t, f.sent.mails, 1, "once")
	})
}

func TestQueue_Add_StoresOnlyIDs(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, f fixture) {
		mail := newMail()
		f.add(t, mail)
		var args string
		require.NoError(t, f.db.QueryRow("SELECT CAST("+asText(f.db, t)+" AS text) FROM river_job").Scan(&args))
		require.JSONEq(t, fmt.Sprintf(`{"message":"verify_email","user_id":%q,"about":%q}`, mail.UserID, mail.About), args)
	})
}

// asText returns an SQL expression for the column args as JSON text; SQLite stores it in a binary form.
func asText(db *sql.DB, t *testing.T) string {
	t.Helper()
	if _, err := db.Exec("SELECT json(args) FROM river_job"); err == nil {
		return "json(args)"
	}
	return "args"
}
