package routes_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/testkit"
)

// Accounts whose former system stored a hash of the empty password come in without a password, or with that hash if there was
// no time to find out. Neither opens with an empty password, at any path, and both get a password by mail.
func TestImport_OfAnEmptyPasswordOpensNothing(t *testing.T) {
	t.Parallel()
	eachDjangoApp(t, func(t *testing.T, app *testkit.App) {
		hash, err := pbkdf2.Key(sha256.New, "", []byte("seasalt"), 1, 32)
		require.NoError(t, err)
		account := func(id int64, email string) models.ExternalAccount {
			return models.ExternalAccount{
				Source: email, LegacyID: &id, Email: email, IsActive: true, IsSuperuser: true,
				Password: "pbkdf2_sha256$1$seasalt$" + base64.StdEncoding.EncodeToString(hash),
			}
		}
		imports := testkit.NewManagers(t, app.DB, testkit.ManagerOptions{Now: app.Clock.Now}).Imports
		checked, unchecked := []models.ExternalAccount{account(1, annAddress)}, []models.ExternalAccount{account(2, "bob@example.com")}
		require.NoError(t, imports.LookForEmptyPasswords(time.Minute).Mark(t.Context(), checked))
		for _, batch := range [][]models.ExternalAccount{checked, unchecked} {
			report, err := imports.Import(t.Context(), batch)
			require.NoError(t, err)
			require.Equal(t, 1, report.Imported)
		}
		for _, email := range []string{annAddress, "bob@example.com"} {
			credentials := `{"email":"` + email + `","password":""}`
			for _, path := range []string{"/api/v1/login", "/user/obtain_token/", "/api/token/", "/api-token-auth/"} {
				answer := app.Do(t, testkit.Call{Method: "POST", Path: path, Body: credentials, OffContract: true})
				require.GreaterOrEqual(t, answer.Status, 400, "%s: %s", path, answer.Body)
				require.NotContains(t, answer.Body, "token\":\"")
			}
			succeeds(t, app, "password/forgot", "", "email", email)
			succeeds(t, app, "password/reset", "", "token", app.Mail(t, email).Token(t), "new_password", newPassword)
			require.True(t, tryLogin(t, app, email, newPassword).ok())
		}
	})
}
