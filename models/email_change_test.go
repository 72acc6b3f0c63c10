package models_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/testkit"
)

// A change of address that was asked for with a password, which another request changes before this one commits, is not asked for.
func TestVerificationManager_RequestEmailChange_LosesAgainstAChangeOfPassword(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		f, ctx := newFaulty(t, db), t.Context()
		read := f.user() // as the slower request has read it
		require.NoError(t, f.Users.SetPassword(ctx, read.Email, testkit.OtherPassword))
		change := models.EmailChange{NewEmail: "thief@example.com", Password: testkit.Password}
		err := f.Verifications.RequestEmailChange(ctx, read, change)
		require.Equal(t, map[string]string{"current_password": models.CodeIncorrect}, codes(t, err))

		var issued int64
		require.NoError(t, db.Table("one_time_tokens").Where("address = ?", change.NewEmail).Count(&issued).Error)
		require.Zero(t, issued)
	})
}
