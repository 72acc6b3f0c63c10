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

func TestImportManager_Import_RefusesWhatCannotBeStored(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		f.create(t, "here@example.com")
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
			with(9, func(a *models.ExternalAccount) { a.Email, a.Notes = "", []string{"email: it is not a text"} }),
			with(10, func(a *models.ExternalAccount) { a.Fault = "date_joined is no date" }),
			with(11, func(a *models.ExternalAccount) { a.Password = "pbkdf2_sha256$999999999$s$" + djangoHash[24:] }),
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
			"id 9: email: This field is required.; email: it is not a text",
			"id 10: date_joined is no date",
			"id 11: password: this password hash is too expensive: pbkdf2 may use 4000000 iterations at most",
			"id 5: an account here that was not imported has this email address or id",
		}, withoutSecrets(t, f.run(t, batch...)))
		require.Len(t, f.stored(t), 2, "ann, and who was here")
		require.Equal(t, []string{"id 2: an account that was imported before has this email address, perhaps in another case: id 1"},
			reasons(f.run(t, foreign(2, "ann@Example.com"))), "in a later batch too")
	})
}

// An odd field costs the field and not the account, and the report names it.
func TestImportManager_Import_NotesWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		account := foreign(1, "ann@example.com")
		account.Username, account.Locale, account.Timezone = strings.Repeat("x", 151), "no language", "Nowhere"
		account.FirstName, account.LastName = "Ann\tB", strings.Repeat("x", 151)
		account.DateJoined = time.Date(1, 1, 1, 0, 0, 0, 0, time.FixedZone("", 2*60*60))
		account.LastLogin = new(time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -5*60*60)))
		account.EmailVerifiedAt, account.DeletionDueAt = account.LastLogin, account.LastLogin
		account.Notes = []string{"is_staff: it is odd"}
		report := f.run(t, account, foreign(2, "bee@example.com"))
		require.Equal(t, 2, report.Imported)
		require.Empty(t, report.Refused)
		require.Len(t, report.Noted, 1)
		require.Equal(t, []string{
			"is_staff: it is odd", "first_name: control characters in it become spaces, and invisible ones are left out", "last_name: it is cut to 150 characters",
			"username: it is too long or has control characters, and is left out", "locale: it is unknown, and is left out",
			"timezone: it is unknown, and is left out", "date_joined: it is outside of the years 1 to 9999, and is left out",
			"last_login: it is outside of the years 1 to 9999, and is left out",
			"deletion_due_at: it is outside of the years 1 to 9999, and is left out",
		}, report.Noted[0].Notes)
		ann := f.stored(t)["ann@example.com"]
		require.NotNil(t, ann.EmailVerifiedAt)
		require.Nil(t, ann.LastLogin)
		require.Nil(t, ann.LegacyUsername)
		again := f.run(t, account)
		require.Equal(t, 1, again.Unchanged)
		require.Len(t, again.Noted, 1, "each time")
	})
}

// Some systems store a hash of the empty password for who has none. Nobody gets in by it.
func TestImportManager_Import_OfAnEmptyPasswordIsOfNone(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, l loginFixture) {
		f := importFixture{l.fixture, l.managers.Imports}
		social, other := foreign(1, "social@example.com"), foreign(2, "other@example.com")
		social.Password, other.Password = djangoEncoded(t, ""), djangoEncoded(t, strongPassword)
		batch := []models.ExternalAccount{social, other, foreign(3, "no address")}
		search := f.imports.LookForEmptyPasswords(time.Minute)
		require.NoError(t, search.Mark(t.Context(), batch))
		require.Zero(t, search.Unchecked)
		report := f.run(t, batch...)
		require.Equal(t, 2, report.Imported)
		require.Len(t, report.Noted, 1)
		require.Contains(t, report.Noted[0].Notes[0], "password: it is the empty one")
		stored := f.stored(t)
		user, bystander := stored["social@example.com"], stored["other@example.com"]
		require.False(t, user.HasPassword())
		require.True(t, bystander.HasPassword())
		for _, password := range []string{"", strongPassword} {
			_, err := l.try("social@example.com", password, "")
			require.ErrorIs(t, err, models.ErrInvalidCredentials)
		}

		batch[0].HasEmptyPassword = false
		search = f.imports.LookForEmptyPasswords(0)
		require.NoError(t, search.Mark(t.Context(), batch))
		require.Zero(t, search.Unchecked, "only new hashes are looked at")
		require.Equal(t, 2, f.run(t, batch...).Unchanged, "the source has not changed")
		batch[0].Password, batch[1].Password = djangoEncoded(t, "set in the meantime"), djangoEncoded(t, "")
		require.NoError(t, search.Mark(t.Context(), batch))
		require.Equal(t, 2, search.Unchecked, "there was no time")
		require.Equal(t, 2, f.run(t, batch...).Updated)
		_, err := l.try("social@example.com", "set in the meantime", "")
		require.NoError(t, err)
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
