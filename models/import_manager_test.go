package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/models"
)

// What Django's documentation shows for the password "lètmein", with salts of their own.
const (
	djangoHash      = "pbkdf2_sha256$1$seasalt$0123456789abcdef0123456789abcdef0123456789A="
	otherDjangoHash = "pbkdf2_sha256$1$peppery$0123456789abcdef0123456789abcdef0123456789A="
)

type importFixture struct {
	fixture
	imports *models.ImportManager
}

func eachImport(t *testing.T, run func(t *testing.T, f importFixture)) {
	eachManager(t, func(t *testing.T, f fixture) {
		run(t, importFixture{f, f.managers.Imports})
	})
}

func foreign(id int64, email string) models.ExternalAccount {
	return models.ExternalAccount{
		Source: fmt.Sprintf("id %d", id), LegacyID: &id, Email: email, Password: djangoHash, FirstName: "Ann", IsActive: true,
		DateJoined: time.Date(2019, 4, 1, 8, 0, 0, 0, time.UTC),
	}
}

func (f importFixture) run(t testing.TB, accounts ...models.ExternalAccount) models.ImportReport {
	t.Helper()
	report, err := f.imports.Import(t.Context(), accounts)
	require.NoError(t, err)
	return report
}

// stored are all users by email, without what an import makes up.
func (f importFixture) stored(t testing.TB) map[string]models.User {
	t.Helper()
	found := map[string]models.User{}
	require.NoError(t, f.Each(t.Context(), func(user *models.User) error {
		found[user.Email] = *user
		return nil
	}))
	return found
}

func reasons(report models.ImportReport) []string {
	var said []string
	for _, refusal := range report.Refused {
		said = append(said, refusal.Account.Source+": "+refusal.Reason)
	}
	return said
}

func TestImportManager_Import_StoresAccountsAsTheyAre(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		last := time.Date(2025, 12, 24, 18, 0, 0, 0, time.UTC)
		account := models.ExternalAccount{
			LegacyID: new(int64(41)), Username: "annie", Email: " Ann@Example.com", Password: djangoHash, FirstName: " Ann ", LastName: "Bee",
			IsStaff: true, IsSuperuser: true, DateJoined: time.Date(2019, 4, 1, 8, 0, 0, 0, time.UTC), LastLogin: &last,
		}
		report := f.run(t, account)
		require.Equal(t, models.ImportReport{Imported: 1}, report)
		ann := f.stored(t)["ann@example.com"]
		require.Equal(t, models.User{
			ID: ann.ID, LegacyID: new(int64(41)), LegacyUsername: new("annie"), Email: "ann@example.com", Password: djangoHash, FirstName: "Ann", LastName: "Bee",
			IsStaff: true, IsSuperuser: true, DateJoined: account.DateJoined, LastLogin: &last,
		}, ann)
		require.EqualValues(t, 7, ann.ID.Version())
		require.Equal(t, models.ImportReport{Unchanged: 1}, f.run(t, account))
	})
}

func TestImportManager_Import_KeepsAUUID(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		id := uuid.MustParse("8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10")
		account := models.ExternalAccount{ID: id, Email: "ann@example.com", Password: djangoHash, IsActive: true}
		require.Equal(t, 1, f.run(t, account).Imported)
		account.Email = "bee@example.com"
		require.Equal(t, 1, f.run(t, account).Updated)
		require.Equal(t, id, f.stored(t)["bee@example.com"].ID)
	})
}

func withoutSecrets(t *testing.T, report models.ImportReport) []string {
	t.Helper()
	require.NotContains(t, strings.Join(reasons(report), " "), "hunter2")
	return reasons(report)
}

func TestImportManager_Import_TakesAnUnusablePassword(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		account := foreign(1, "ann@example.com")
		account.Password = "!" + strings.Repeat("x", 40)
		require.Equal(t, 1, f.run(t, account).Imported)
		_, err := f.Authenticate(t.Context(), "ann@example.com", account.Password)
		require.ErrorIs(t, err, models.ErrInvalidCredentials)
	})
}

func TestImportManager_Import_KeepsAUsernameThatIsNotTheEmail(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		named := func(id int64, username string) models.ExternalAccount {
			account := foreign(id, fmt.Sprintf("user%d@example.com", id))
			account.Username = username
			return account
		}
		report := f.run(t, named(1, "USER1@example.com"), named(2, "bob"), named(3, "bob"), named(4, ""))
		require.Equal(t, []string{"id 3: another account has this username"}, reasons(report))
		require.Equal(t, []string{"id 5: another account has this username"}, reasons(f.run(t, named(5, "bob"))))
		require.Equal(t, 1, f.run(t, named(2, "bobby")).Updated)
		require.Equal(t, 1, f.run(t, named(2, "bobby"), named(5, "bob")).Imported)
		bobby, err := f.ByUsername(t.Context(), "bobby")
		require.NoError(t, err)
		require.Equal(t, int64(2), *bobby.LegacyID)
		require.Nil(t, f.stored(t)["user1@example.com"].LegacyUsername)
	})
}

func TestImportManager_Import_LeavesADisabledAccountDisabled(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		account := foreign(1, "ann@example.com")
		f.run(t, account)
		require.NoError(t, f.Deactivate(t.Context(), "ann@example.com"))
		account.LastLogin = new(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC))
		require.Equal(t, models.ImportReport{Updated: 1}, f.run(t, account))
		require.False(t, f.stored(t)["ann@example.com"].IsActive)
	})
}

func TestRehearsal_Import_WritesNothingAndReportsTheSame(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		f.run(t, foreign(1, "ann@example.com"))
		before := f.stored(t)
		rehearsal := f.imports.Rehearse()
		changed := foreign(1, "ann@example.com")
		changed.LastName = "Bee"
		batches := [][]models.ExternalAccount{
			{changed, foreign(2, "bob@example.com"), foreign(3, "no address")},
			{foreign(4, "BOB@example.com"), foreign(5, "cat@example.com")},
		}
		var told, done []models.ImportReport
		for _, batch := range batches {
			report, err := rehearsal.Import(t.Context(), batch)
			require.NoError(t, err)
			told = append(told, report)
		}
		require.Equal(t, before, f.stored(t))
		for _, batch := range batches {
			done = append(done, f.run(t, batch...))
		}
		require.Equal(t, done, told)
	})
}

func TestImportManager_Import_RecordsRolesAndEndsSessions(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		account := foreign(1, "ann@example.com")
		account.IsStaff = true
		f.run(t, account)
		account.IsStaff, account.IsActive = false, false
		f.run(t, account)
		var events []models.AuditEvent
		require.NoError(t, f.db.Order("id").Find(&events).Error)
		var kinds []string
		for _, event := range events {
			kinds = append(kinds, event.Kind+" "+event.Detail)
		}
		require.Equal(t, []string{"roles_changed imported", "account_disabled imported", "roles_changed imported"}, kinds)
	})
}
