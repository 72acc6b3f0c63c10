package models_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/models"
)

func TestUserManager_ChangePassword_EndsEveryOtherSession(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		user := f.create(t, "ann@example.com")
		keep, gone := f.open(t, user), f.open(t, user)
		stranger := f.open(t, f.create(t, "bob@example.com"))
		change := models.PasswordChange{Current: "wrong", New: "another horse, another staple", Session: keep.Session}
		read, err := f.ByEmail(t.Context(), user.Email)
		require.NoError(t, err)

		require.Equal(t, map[string]string{"current_password": models.CodeIncorrect}, codes(t, f.ChangePassword(t.Context(), read, change)))
		change.Current, change.New = strongPassword, "short"
		require.Contains(t, codes(t, f.ChangePassword(t.Context(), read, change)), "new_password")
		require.Empty(t, f.events(t, models.EventPasswordChanged))

		change.New = "another horse, another staple"
		require.NoError(t, f.ChangePassword(t.Context(), read, change))
		require.Len(t, f.events(t, models.EventPasswordChanged), 1)
		require.Equal(t, map[string]string{"current_password": models.CodeIncorrect}, codes(t, f.ChangePassword(t.Context(), read, change)),
			"the password that was read is no longer the current one")
		_, err = f.refresh(t, gone.RefreshToken)
		require.ErrorIs(t, err, models.ErrSessionRevoked)
		for _, grant := range []*models.SessionTokens{keep, stranger} {
			_, err = f.refresh(t, grant.RefreshToken)
			require.NoError(t, err)
		}
		require.NoError(t, f.SetPassword(t.Context(), user.Email, "a third horse, a third staple"))
		_, err = f.sessions.Authenticated(t.Context(), keep.Session.ID, user.ID)
		require.ErrorIs(t, err, models.ErrSessionRevoked, "an operator's change ends them all")
	})
}

// A login with the old password that is under way while the password changes opens no session that lasts.
func TestUserManager_SetPassword_RacingALoginLeavesNoSession(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		for i := range 5 {
			user := f.create(t, string(rune('a'+i))+"@example.com")
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					read := *user
					_, _ = f.managers.Logins.Open(context.Background(), &read, models.RequestInfo{})
				})
			}
			require.NoError(t, f.SetPassword(t.Context(), user.Email, "another horse, another staple"))
			group.Wait()
			live, err := f.sessions.Live(t.Context(), user.ID)
			require.NoError(t, err)
			require.Empty(t, live)
		}
	})
}

func TestUserManager_SetPassword(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		f.create(t, "ann@example.com")
		const other = "another horse, another staple"
		require.ErrorIs(t, f.SetPassword(t.Context(), "bob@example.com", other), models.ErrUserNotFound)
		require.Contains(t, codes(t, f.SetPassword(t.Context(), "ann@example.com", "short")), "password")
		_, err := f.Authenticate(t.Context(), "ann@example.com", strongPassword)
		require.NoError(t, err, "a refused change changes nothing")
		require.NoError(t, f.SetPassword(t.Context(), "ann@example.com", other))
		_, err = f.Authenticate(t.Context(), "ann@example.com", strongPassword)
		require.ErrorIs(t, err, models.ErrInvalidCredentials)
		_, err = f.Authenticate(t.Context(), "ann@example.com", other)
		require.NoError(t, err)
	})
}
