package routes_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/testkit"
)

func deleteAccount(t *testing.T, app *testkit.App, access, password string) testkit.Response {
	t.Helper()
	return app.Do(t, testkit.Call{
		Method: http.MethodDelete, Path: "/api/v1/profile", Token: access, Body: object([]string{"current_password", password}),
	})
}

func rowsIn(t *testing.T, db *gorm.DB, table string) (n int64) {
	t.Helper()
	require.NoError(t, db.Table(table).Count(&n).Error)
	return n
}

func TestAccountDeletion_HappensAfterTheGracePeriod(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, annAddress)
		tokens := app.Login(t, annAddress)
		require.Equal(t, "incorrect", deleteAccount(t, app, tokens.Access, "wrong").Text(t, "errors.0.code"))
		require.Equal(t, http.StatusAccepted, deleteAccount(t, app, tokens.Access, testkit.Password).Status)
		require.Equal(t, 401, app.Get(t, "/api/v1/profile", tokens.Access).Status, "signed out at once")
		require.Equal(t, 401, app.Refresh(t, tokens.Refresh).Status)
		mails := app.Mails(t)
		require.Contains(t, mails[0].Text+mails[1].Text+mails[2].Text, "March 15, 2026")

		app.Clock.Advance(14*24*time.Hour - time.Second)
		app.CleanUp(t, "accounts")
		require.EqualValues(t, 1, rowsIn(t, app.DB, "users"))
		app.Clock.Advance(time.Second)
		require.Equal(t, 401, tryLogin(t, app, annAddress, testkit.Password).status, "it is too late")
		app.CleanUp(t, "accounts")
		for _, table := range []string{"users", "sessions", "one_time_tokens"} {
			require.Zero(t, rowsIn(t, app.DB, table), table)
		}
		app.Signup(t, annAddress)
	})
}

func TestAccountDeletion_IsCancelledByALogin(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		require.Equal(t, http.StatusAccepted, deleteAccount(t, app, app.Signup(t, annAddress), testkit.Password).Status)
		app.Clock.Advance(13 * 24 * time.Hour)
		app.Login(t, annAddress)
		app.Clock.Advance(13 * 24 * time.Hour)
		app.CleanUp(t, "accounts")
		app.Login(t, annAddress)
	})
}

func TestAccountDeletion_HappensAtOnceWithoutAGracePeriod(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		app.Mails(t)
		require.Equal(t, http.StatusAccepted, deleteAccount(t, app, access, testkit.Password).Status)
		require.Equal(t, 401, tryLogin(t, app, annAddress, testkit.Password).status)
		require.Len(t, app.Mails(t), 2)
		require.Zero(t, rowsIn(t, app.DB, "users"))
	}, "ACCOUNT_DELETION_GRACE=0")
}

func TestAccountDeletion_RefusesTheLastSuperuser(t *testing.T) {
	t.Parallel()
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		access := app.Signup(t, annAddress)
		require.NoError(t, app.DB.Exec("UPDATE users SET is_superuser = ?", true).Error)
		answer := deleteAccount(t, app, access, testkit.Password)
		require.Equal(t, http.StatusConflict, answer.Status)
		require.Equal(t, "last_superuser", answer.Text(t, "code"))
		require.Equal(t, 200, app.Get(t, "/api/v1/profile", access).Status)
	})
}

// A new table with a column user_id has to be part of the export, and has to be named here.
func TestAccountExport_HasEverythingAboutTheUser(t *testing.T) {
	t.Parallel()
	exported := map[string]string{
		"users": "user", "sessions": "sessions", "login_throttles": "devices", "one_time_tokens": "one_time_tokens",
		"audit_events": "audit_events", "imported_accounts": "imported",
	}
	testkit.EachApp(t, func(t *testing.T, app *testkit.App) {
		app.Signup(t, "bob@example.com")
		app.Signup(t, annAddress)
		access := app.Login(t, annAddress).Access
		app.Mails(t)
		require.NoError(t, app.DB.Exec("INSERT INTO imported_accounts "+
			"(user_id, email, password_mac, first_name, last_name, is_active, is_staff, is_superuser) "+
			"SELECT id, email, ?, first_name, last_name, is_active, is_staff, is_superuser FROM users", []byte("mac")).Error)
		answer := app.Get(t, "/api/v1/profile/export", access)
		require.Equal(t, http.StatusOK, answer.Status, answer.Body)
		require.Contains(t, answer.Header.Get("Content-Disposition"), "attachment")
		var parts map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(answer.Body), &parts))
		for _, table := range tablesAboutUsers(t, app.DB) {
			part, known := exported[table]
			require.True(t, known, "the table %s has data of users: add it to the export", table)
			require.Contains(t, parts, part)
			require.NotContains(t, []string{"null", "[]", "{}"}, string(parts[part]), table)
		}
		for _, secret := range []string{"argon2", "bob@example.com", "lkr_", "lko_"} {
			require.NotContains(t, answer.Body, secret)
		}
	})
}

// tablesAboutUsers returns the tables with a column that refers to a user.
func tablesAboutUsers(t *testing.T, db *gorm.DB) []string {
	t.Helper()
	tables, err := db.Migrator().GetTables()
	require.NoError(t, err)
	found := []string{"users"}
	for _, table := range tables {
		columns, err := db.Migrator().ColumnTypes(table)
		require.NoError(t, err)
		for _, column := range columns {
			if strings.HasPrefix(column.Name(), "user_id") || strings.HasPrefix(column.Name(), "account_id") {
				found = append(found, table)
			}
		}
	}
	require.Greater(t, len(found), 4)
	return found
}
