package routes_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/models"
	"latchkey/testkit"
)

// cursed is an address that the database refuses to store.
const cursed = "magic@example.com"

// curse makes the database raise an error for each account that is to have the cursed address.
func curse(t *testing.T, db *gorm.DB) {
	t.Helper()
	var statements []string
	for _, on := range []string{"INSERT", "UPDATE"} {
		statements = append(statements, `CREATE TRIGGER curse_`+on+` BEFORE `+on+` ON users WHEN NEW.email = '`+cursed+`'
			BEGIN SELECT RAISE(ABORT, 'cursed'); END`)
	}
	if database.Dialect(db) == database.Postgres {
		statements = []string{
			`CREATE FUNCTION curse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'cursed'; END $$`,
			`CREATE TRIGGER curse BEFORE INSERT OR UPDATE ON users FOR EACH ROW WHEN (NEW.email = '` + cursed + `')
				EXECUTE FUNCTION curse()`,
		}
	}
	for _, statement := range statements {
		require.NoError(t, db.Exec(statement).Error)
	}
}

// What fails in the database itself, in the middle of a request, leaves nothing of the request.
func TestFault_AStatementThatTheDatabaseRefusesLeavesNothing(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		ann := signUp(t, app, annAddress)
		mails := len(app.Mails(t))
		curse(t, app.DB)
		count := func(model any) (n int64) {
			require.NoError(t, app.DB.Model(model).Count(&n).Error)
			return n
		}
		events, sessionRows := count(&models.AuditEvent{}), count(&models.Session{})

		refused := app.Post(t, signup, testkit.Credentials(cursed))
		requireCode(t, http.StatusInternalServerError, "internal_error", refused)
		require.NotContains(t, refused.Body, "cursed")
		require.EqualValues(t, 1, count(&models.User{}))
		require.Equal(t, events, count(&models.AuditEvent{}))
		require.Equal(t, sessionRows, count(&models.Session{}))
		require.Len(t, app.Mails(t), mails)

		succeeds(t, app, "email/change", ann.Access, "new_email", cursed, "current_password", testkit.Password)
		token := app.Mail(t, cursed).Token(t)
		events = count(&models.AuditEvent{})
		for range 2 {
			status, code := ask(t, app, "email/verify", ann.Access, "token", token)
			require.Equal(t, http.StatusInternalServerError, status, code)
		}
		require.Equal(t, events, count(&models.AuditEvent{}))
		require.Equal(t, annAddress, app.Get(t, profile, ann.Access).Text(t, "email"))

		for _, trigger := range []string{"curse", "curse_INSERT", "curse_UPDATE"} {
			if database.Dialect(app.DB) == database.Postgres {
				require.NoError(t, app.DB.Exec("DROP TRIGGER IF EXISTS "+trigger+" ON users").Error)
				continue
			}
			require.NoError(t, app.DB.Exec("DROP TRIGGER IF EXISTS "+trigger).Error)
		}
		succeeds(t, app, "email/verify", ann.Access, "token", token)
		require.Equal(t, cursed, app.Get(t, profile, ann.Access).Text(t, "email"), "the token was not used up")
	})
}
