package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"latchkey/models"
)

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

// A name keeps nobody out.
func TestImportManager_Import_CutsNames(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		account := foreign(1, "ann@example.com")
		account.FirstName, account.LastName = "Ann\tB\x00\xff", strings.Repeat("é", 149)+" é"
		require.Equal(t, 1, f.run(t, account).Imported)
		ann := f.stored(t)["ann@example.com"]
		require.Equal(t, "Ann B", ann.FirstName)
		require.Equal(t, strings.Repeat("é", 149), ann.LastName)
		require.Equal(t, 1, f.run(t, account).Unchanged)
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
		require.Equal(t, 1, f.run(t, account).Updated)
		require.Empty(t, f.stored(t)["ann@example.com"].Timezone)
	})
}
