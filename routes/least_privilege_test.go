package routes_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

// documentedRole returns the statements of docs/operating.md for two roles, under names of this test's own.
func documentedRole(t *testing.T, owner, service string) []string {
	t.Helper()
	page, err := os.ReadFile("../docs/operating.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```sql\n(CREATE ROLE latchkey_app LOGIN;.*?)```").FindStringSubmatch(string(page))
	require.Len(t, block, 2)
	named := strings.NewReplacer("latchkey_app", service, "ROLE latchkey ", "ROLE "+owner+" ", "TO latchkey;", "TO "+owner+";")
	return strings.Split(strings.TrimSpace(named.Replace(block[1])), "\n")
}

func execute(t *testing.T, db *gorm.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		require.NoError(t, db.Exec(statement).Error, statement)
	}
}

func openAs(t *testing.T, location string) *gorm.DB {
	t.Helper()
	db, err := database.Open(location, database.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close(db)) })
	return db
}

// The service works with the rights that docs/operating.md gives it, with tables that its owner made before and after that.
func TestLeastPrivilege_TheServiceNeedsNoRightToTheSchema(t *testing.T) {
	t.Parallel()
	for _, migratedFirst := range []bool{true, false} {
		t.Run(fmt.Sprintf("migrated first: %t", migratedFirst), func(t *testing.T) {
			t.Parallel()
			located, err := testkit.Cluster(t).CreateDatabase(t.Context())
			require.NoError(t, err)
			suffix := strings.ReplaceAll(uuid.NewString(), "-", "")
			owner, service := "owner_"+suffix, "service_"+suffix
			as := func(role string) string {
				parsed, err := url.Parse(located)
				require.NoError(t, err)
				parsed.User = url.UserPassword(role, "plum")
				return parsed.String()
			}
			admin := openAs(t, located)
			parsed, err := url.Parse(located)
			require.NoError(t, err)
			execute(t, admin, "CREATE ROLE "+owner+" LOGIN PASSWORD 'plum'", "ALTER DATABASE "+parsed.Path[1:]+" OWNER TO "+owner,
				"GRANT CREATE ON SCHEMA public TO "+owner)
			migrate := func() {
				migrator, err := database.NewMigrator(as(owner), slog.New(slog.DiscardHandler))
				require.NoError(t, err)
				_, err = migrator.Up(t.Context())
				require.NoError(t, err)
				require.NoError(t, migrator.Close())
			}
			if migratedFirst {
				migrate()
			}
			execute(t, admin, documentedRole(t, owner, service)...)
			execute(t, admin, "ALTER ROLE "+service+" PASSWORD 'plum'")
			if !migratedFirst {
				migrate()
			}
			requireServes(t, openAs(t, as(service)))
		})
	}
}

// requireServes runs the service through a life of an account, its jobs and cleanups, and fails the test if the role can change
// the schema.
func requireServes(t *testing.T, db *gorm.DB) {
	t.Helper()
	for _, statement := range []string{"CREATE TABLE mine (id int)", "ALTER TABLE users ADD COLUMN mine int", "DROP TABLE sessions",
		"CREATE INDEX mine ON users (email)", "TRUNCATE audit_events", "CREATE ROLE mine"} {
		require.Error(t, db.Exec(statement).Error, statement)
	}
	app := testkit.NewApp(t, db)
	token := app.Signup(t, "ann@example.com")
	tokens := app.Login(t, "ann@example.com")
	require.Equal(t, 200, app.Refresh(t, tokens.Refresh).Status)
	requireCode(t, 401, "invalid_credentials", app.Post(t, login, `{"email":"ann@example.com","password":"`+secret+`"}`))
	require.Equal(t, 202, app.Post(t, "/api/v1/password/forgot", `{"email":"ann@example.com"}`).Status)
	call := func(method, path, body string) testkit.Response {
		return app.Do(t, testkit.Call{Method: method, Path: path, Body: body, Token: token})
	}
	require.Equal(t, 200, call(http.MethodPatch, profile, `{"first_name":"Ann"}`).Status)
	require.Equal(t, 200, call(http.MethodGet, "/api/v1/profile/export", "").Status)
	require.Equal(t, 204, call(http.MethodPost, "/api/v1/password/change",
		`{"current_password":"`+testkit.Password+`","new_password":"`+secret+`"}`).Status)
	app.DoJobs(t)
	require.NotEmpty(t, app.Mails(t))
	require.Equal(t, 202, call(http.MethodDelete, profile, `{"current_password":"`+secret+`"}`).Status)
	app.DoJobs(t)
	for _, name := range slices.Sorted(maps.Keys(app.Server.Work.Cleanups)) {
		app.CleanUp(t, name)
	}
	require.Equal(t, 200, app.Get(t, "/readyz", "").Status)
}
