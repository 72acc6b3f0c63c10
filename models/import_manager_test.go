package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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

func TestImportManager_Import_IdentifiesByEmailWithoutAKey(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		account := models.ExternalAccount{Email: "ann@example.com", Password: djangoHash}
		require.Equal(t, 1, f.run(t, account).Imported)
		account.IsActive = true
		require.Equal(t, 1, f.run(t, account).Updated)
		require.True(t, f.stored(t)["ann@example.com"].IsActive)
	})
}

func TestImportManager_Import_RefusesWhatCannotBeStored(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		f.create(t, "here@example.com")
		eastern := time.FixedZone("", -5*60*60)
		with := func(id int64, change func(*models.ExternalAccount)) models.ExternalAccount {
			account := foreign(id, fmt.Sprintf("user%d@example.com", id))
			change(&account)
			return account
		}
		batch := []models.ExternalAccount{
			foreign(1, "Ann@example.com"),
			foreign(2, "ann@Example.com"),
			foreign(1, "bee@example.com"),
			foreign(3, "not an address"),
			foreign(4, ""),
			foreign(5, "HERE@example.com"),
			with(6, func(a *models.ExternalAccount) { a.Password = "crypt$$ab1Hv2Lg7ltQo" }),
			with(7, func(a *models.ExternalAccount) { a.Password = "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99" }),
			with(8, func(a *models.ExternalAccount) { a.Password = "hunter2" }),
			with(9, func(a *models.ExternalAccount) { a.Username = strings.Repeat("x", 151) }),
			with(10, func(a *models.ExternalAccount) { a.Fault = "date_joined is no date" }),
			with(11, func(a *models.ExternalAccount) { a.Password = "pbkdf2_sha256$999999999$s$" + djangoHash[24:] }),
			with(12, func(a *models.ExternalAccount) { a.LastLogin = new(time.Date(9999, 12, 31, 23, 59, 59, 0, eastern)) }),
			with(13, func(a *models.ExternalAccount) {
				a.DateJoined = time.Date(1, 1, 1, 0, 0, 0, 0, time.FixedZone("", 2*60*60))
			}),
		}
		twice := "an account before it in the source has the same email address, perhaps in another case"
		require.Equal(t, []string{
			"id 2: " + twice,
			"id 1: an account before it in the source has the same key",
			"id 3: email: Enter a valid email address.",
			"id 4: email: This field is required.",
			"id 6: password: this password hash is not supported: its algorithm is unknown",
			"id 7: password: this password hash is not supported: legacy md5 hashes are not allowed here",
			"id 8: password: this password hash is not supported: its algorithm is unknown",
			"id 9: username: Use at most 150 characters.",
			"id 10: date_joined is no date",
			"id 11: password: this password hash is too expensive: pbkdf2 may use 4000000 iterations at most",
			"id 12: it has a time outside of the years 1 to 9999",
			"id 13: it has a time outside of the years 1 to 9999",
			"id 5: an account here that was not imported has this email address or id",
		}, withoutSecrets(t, f.run(t, batch...)))
		require.Len(t, f.stored(t), 2, "ann, and who was here")
		require.Equal(t, []string{"id 2: an account that was imported before has this email address, perhaps in another case: id 1"},
			reasons(f.run(t, foreign(2, "ann@Example.com"))), "in a later batch too")
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

func TestImportManager_Import_TakesNobodysEmail(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		f.run(t, foreign(1, "ann@example.com"), foreign(2, "bob@example.com"))
		before := f.stored(t)
		require.Equal(t, []string{"id 2: an account that was imported before has this email address, perhaps in another case: id 1"},
			reasons(f.run(t, foreign(2, "ann@example.com"))))
		require.Equal(t, before, f.stored(t))
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

// A name keeps nobody out.
func TestImportManager_Import_CutsNames(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		account := foreign(1, "ann@example.com")
		account.FirstName, account.LastName = "Ann\tB\x00\xff", strings.Repeat("é", 149)+" é"
		require.Equal(t, models.ImportReport{Imported: 1}, f.run(t, account))
		ann := f.stored(t)["ann@example.com"]
		require.Equal(t, "Ann B", ann.FirstName)
		require.Equal(t, strings.Repeat("é", 149), ann.LastName)
		require.Equal(t, models.ImportReport{Unchanged: 1}, f.run(t, account))
	})
}

// What a user set, and their request to delete the account, move along between Latchkeys by the rule of all fields.
func TestImportManager_Import_TakesLanguageTimeAndDeletion(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		due := noon.Add(48 * time.Hour).UTC().Truncate(time.Microsecond)
		account := foreign(1, "ann@example.com")
		account.Locale, account.Timezone, account.DeletionDueAt = "de", "Europe/Berlin", &due
		f.run(t, account)
		ann := f.stored(t)["ann@example.com"]
		require.Equal(t, []any{"de", "Europe/Berlin", &due}, []any{ann.Locale, ann.Timezone, ann.DeletionDueAt})
		require.Equal(t, models.ImportReport{Unchanged: 1}, f.run(t, account))
		account.Locale, account.DeletionDueAt = "fr", nil
		require.Equal(t, models.ImportReport{Updated: 1}, f.run(t, account))
		ann = f.stored(t)["ann@example.com"]
		require.Equal(t, "fr", ann.Locale)
		require.Nil(t, ann.DeletionDueAt)
		account.Locale, account.Timezone = "no language", "Nowhere"
		require.Equal(t, models.ImportReport{Updated: 1}, f.run(t, account))
		require.Empty(t, f.stored(t)["ann@example.com"].Timezone)
	})
}

func TestImportManager_Import_RefusesASecondAccountOfOneID(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		id := uuid.MustParse("8c5a2f3e-9a51-4a3e-8f0d-6f6c4f1b2a10")
		report := f.run(t, models.ExternalAccount{ID: id, Email: "ann@example.com"}, models.ExternalAccount{ID: id, Email: "bob@example.com"},
			models.ExternalAccount{Email: "cat@example.com"})
		require.Equal(t, 2, report.Imported)
		require.Equal(t, []string{": an account before it in the source has the same key"}, reasons(report))
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

// The rule of the merge, for any two changes: a field has the source's new value if only the source changed it, and
// otherwise what it has here.
func TestImportManager_Import_MergesFieldByField(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		names := rapid.SampledFrom([]string{"", "Ann", "Bea"})
		merged := func(before, here, there string) string {
			if there != before && here == before {
				return there
			}
			return here
		}
		rapid.Check(t, func(r *rapid.T) {
			require.NoError(t, f.db.Where("TRUE").Delete(&models.User{}).Error)
			account := foreign(7, "ann@example.com")
			account.FirstName, account.IsStaff = names.Draw(r, "first before"), rapid.Bool().Draw(r, "staff before")
			before := account
			f.run(t, account)
			hereFirst, hereStaff := names.Draw(r, "first here"), rapid.Bool().Draw(r, "staff here")
			require.NoError(t, f.db.Model(&models.User{}).Where("legacy_id = 7").
				Updates(map[string]any{"first_name": hereFirst, "is_staff": hereStaff}).Error)
			account.FirstName, account.IsStaff = names.Draw(r, "first there"), rapid.Bool().Draw(r, "staff there")
			f.run(t, account)
			after := f.stored(t)["ann@example.com"]
			require.Equal(t, merged(before.FirstName, hereFirst, account.FirstName), after.FirstName)
			staff := merged(fmt.Sprint(before.IsStaff), fmt.Sprint(hereStaff), fmt.Sprint(account.IsStaff))
			require.Equal(t, staff, fmt.Sprint(after.IsStaff))
			require.Equal(t, models.ImportReport{Unchanged: 1}, f.run(t, account), "the third time nothing is left to do")
		})
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
