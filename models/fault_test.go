package models_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/config"
	"latchkey/database"
	"latchkey/jobs"
	"latchkey/mail"
	"latchkey/models"
	"latchkey/server"
	"latchkey/testkit"
)

var errFault = errors.New("the statement failed")

// faulty is the managers on a database of which one statement fails, or every mail that is to be queued.
type faulty struct {
	server.Managers
	t      *testing.T
	db     *gorm.DB
	tables []string
	clock  *testkit.Clock
	users  int

	failing int // the statement of the next call that fails, counted from 1; 0 for none
}

func newFaulty(t *testing.T, db *gorm.DB) *faulty {
	t.Helper()
	f := &faulty{t: t, db: db, tables: tablesOf(t, db), clock: testkit.NewClock()}
	f.Managers = newFaultyManagers(t, db, f.clock)
	f.countStatements()
	f.failQueueOnDemand()
	return f
}

// newFaultyManagers returns the managers of one replica, with mail.
func newFaultyManagers(t *testing.T, db *gorm.DB, clock *testkit.Clock, more ...string) server.Managers {
	t.Helper()
	settings, err := config.Load(append([]string{"SECRET_KEY=" + testkit.SecretKey, "SECURITY_NOTICES=on"}, more...), t.TempDir())
	require.NoError(t, err)
	managers, err := server.NewManagers(settings, server.Resources{
		DB: db, Hasher: testkit.FastHasher(t), Log: slog.New(slog.DiscardHandler), Now: clock.Now,
	})
	require.NoError(t, err)
	return managers
}

// countStatements makes GORM ask, before each statement, whether that is to fail.
func (f *faulty) countStatements() {
	before := func(db *gorm.DB) {
		isSavepoint := strings.Contains(db.Statement.SQL.String(), "SAVEPOINT") // GORM ignores its error, and PostgreSQL what follows
		if f.failing == 0 || db.DryRun || isSavepoint {
			return
		}
		if f.failing--; f.failing == 0 {
			_ = db.AddError(errFault)
		}
	}
	on := f.db.Callback()
	require.NoError(f.t, errors.Join(
		on.Create().Before("*").Register("fault", before), on.Query().Before("*").Register("fault", before),
		on.Update().Before("*").Register("fault", before), on.Delete().Before("*").Register("fault", before),
		on.Row().Before("*").Register("fault", before), on.Raw().Before("*").Register("fault", before),
	))
}

// failQueueOnDemand makes the database refuse mails as long as the table fault has a row: the queue does not use GORM.
func (f *faulty) failQueueOnDemand() {
	statements := []string{
		`CREATE TABLE fault (id integer)`,
		`CREATE TRIGGER fault BEFORE INSERT ON river_job WHEN EXISTS (SELECT 1 FROM fault)
			BEGIN SELECT RAISE(ABORT, 'no mail today'); END`,
	}
	if database.Dialect(f.db) == database.Postgres {
		statements = []string{
			statements[0],
			`CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN IF EXISTS (SELECT 1 FROM fault) THEN RAISE 'no mail today'; END IF; RETURN NEW; END $$`,
			`CREATE TRIGGER fault BEFORE INSERT ON river_job FOR EACH ROW EXECUTE FUNCTION fault()`,
		}
	}
	for _, statement := range statements {
		require.NoError(f.t, f.db.Exec(statement).Error)
	}
}

// tablesOf returns the tables that managers write.
func tablesOf(t *testing.T, db *gorm.DB) []string {
	t.Helper()
	tables, err := db.Migrator().GetTables()
	require.NoError(t, err)
	return slices.DeleteFunc(tables, func(name string) bool {
		return name != "river_job" && strings.HasPrefix(name, "river_") || strings.HasPrefix(name, "goose_")
	})
}

// state returns every row of every table.
func (f *faulty) state() (rows []string) {
	f.t.Helper()
	for _, table := range f.tables {
		var found []map[string]any
		require.NoError(f.t, f.db.Table(table).Find(&found).Error)
		for _, row := range found {
			rows = append(rows, table+": "+fmt.Sprint(row))
		}
	}
	slices.Sort(rows)
	return rows
}

// user creates an account, whose address it returns with it.
func (f *faulty) user() *models.User {
	f.t.Helper()
	user, err := f.Users.CreateUser(f.t.Context(), models.NewUser{Email: f.address(), Password: testkit.Password})
	require.NoError(f.t, err)
	return user
}

func (f *faulty) address() string {
	f.users++
	return fmt.Sprintf("user%d@example.com", f.users)
}

func (f *faulty) open(user *models.User) *models.SessionTokens {
	f.t.Helper()
	opened, err := f.Logins.Open(f.t.Context(), user, models.RequestInfo{})
	require.NoError(f.t, err)
	return opened
}

func (f *faulty) refreshed(token string, times int) string {
	f.t.Helper()
	for range times {
		opened, err := f.Sessions.Refresh(f.t.Context(), token, models.RequestInfo{})
		require.NoError(f.t, err)
		token = opened.RefreshToken
	}
	return token
}

// mailed returns a token that was mailed to a user: a new one, or that of the row about.
func (f *faulty) mailed(user *models.User, kind mail.Kind, about uuid.UUID) models.EmailProof {
	f.t.Helper()
	message, err := f.OneTimeTokens.Compose(f.t.Context(), jobs.Mail{Message: string(kind), UserID: user.ID, About: about})
	require.NoError(f.t, err)
	return models.EmailProof{Token: message.Token}
}

// changing returns the proof of a change of address that the user asked for.
func (f *faulty) changing(user *models.User) models.EmailProof {
	f.t.Helper()
	require.NoError(f.t, f.Verifications.RequestEmailChange(f.t.Context(), user,
		models.EmailChange{NewEmail: f.address(), Password: testkit.Password}))
	return f.mailed(user, mail.ChangeEmail, f.newest(user, mail.ChangeEmail))
}

func (f *faulty) newest(user *models.User, purpose mail.Kind) uuid.UUID {
	f.t.Helper()
	var token models.OneTimeToken
	require.NoError(f.t, f.db.Where("user_id = ? AND purpose = ?", user.ID, purpose).Order("id DESC").Take(&token).Error)
	return token.ID
}

// reset gives the account of a proof another password.
func (f *faulty) reset(proof models.EmailProof) error {
	_, err := f.Verifications.ResetPassword(context.Background(), proof, testkit.OtherPassword, models.RequestInfo{})
	return err
}

func (f *faulty) login(user *models.User, password, device string) error {
	attempt := f.Logins.Prepare(models.LoginRequest{Email: user.Email, Password: password, DeviceToken: device})
	_, err := f.Logins.Login(f.t.Context(), attempt)
	return err
}

// act is a public method of a manager that writes.
type act struct {
	name    string
	mails   bool                                     // it queues a mail
	succeed error                                    // what it returns when it has done what it does
	prepare func(f *faulty, user *models.User) doing // with a new account
}

type doing func() error

// run makes each statement of the act fail in turn, until none is left and it succeeds.
func (f *faulty) run(a act) {
	if a.mails {
		f.failMails(a)
	}
	do := a.prepare(f, f.user())
	before := f.state()
	for k := 1; ; k++ {
		require.Less(f.t, k, 100, a.name)
		f.failing = k
		err := do()
		if f.failing > 0 { // it has fewer statements
			f.failing = 0
			require.Equal(f.t, a.succeed, err, a.name)
			require.NotEqual(f.t, before, f.state(), "%s did nothing", a.name)
			return
		}
		require.ErrorIs(f.t, err, errFault, "%s: statement %d", a.name, k)
		require.Equal(f.t, before, f.state(), "%s: statement %d", a.name, k)
	}
}

func (f *faulty) failMails(a act) {
	do := a.prepare(f, f.user())
	require.NoError(f.t, f.db.Exec("INSERT INTO fault VALUES (1)").Error)
	before := f.state()
	err := do()
	require.Error(f.t, err, a.name)
	require.NotEqual(f.t, a.succeed, err, a.name)
	require.Equal(f.t, before, f.state(), "%s: its mail", a.name)
	require.NoError(f.t, f.db.Exec("DELETE FROM fault").Error)
}

func runActs(t *testing.T, acts []act) {
	t.Helper()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		f := newFaulty(t, db)
		for _, a := range acts {
			f.run(a)
		}
	})
}
