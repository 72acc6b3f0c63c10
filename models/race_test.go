package models_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/mail"
	"latchkey/models"
	"latchkey/testkit"
)

// A user verifies their address and changes it while an operator deletes the account of that address: the result is one that the
// three could have had one after the other.
func TestRace_VerifyChangeAndDeleteEqualSomeOrder(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		f, ctx := newFaulty(t, db), context.Background()
		for range 10 {
			user := f.user()
			f.open(user)
			verify, change := f.mailed(user, mail.VerifyEmail, uuid.New()), f.changing(user)
			errs := atOnce(
				func() error {
					return f.Verifications.VerifyEmail(ctx, verify, models.Owner{UserID: user.ID}, models.RequestInfo{})
				},
				func() error {
					return f.Verifications.VerifyEmail(ctx, change, models.Owner{UserID: user.ID}, models.RequestInfo{})
				},
				func() error { return f.Users.Delete(ctx, user.Email) },
			)
			for _, err := range errs[:2] {
				if err != nil && !errors.Is(err, models.ErrOneTimeTokenInvalid) {
					require.ErrorIs(t, err, models.ErrOneTimeTokenUsed)
				}
			}
			if errs[1] == nil {
				require.ErrorIs(t, errs[2], models.ErrUserNotFound, "the account has another address by now")
				var left models.User
				require.NoError(t, db.Where("id = ?", user.ID).Take(&left).Error)
				require.NotEqual(t, user.Email, left.Email)
				require.NotNil(t, left.EmailVerifiedAt)
				continue
			}
			require.NoError(t, errs[2])
			for _, model := range []any{&models.User{}, &models.Session{}, &models.OneTimeToken{}} {
				column := "user_id"
				if _, isUser := model.(*models.User); isUser {
					column = "id"
				}
				var left int64
				require.NoError(t, db.Model(model).Where(column+" = ?", user.ID).Count(&left).Error)
				require.Zero(t, left, "%T", model)
			}
		}
	})
}

// No token is issued by a login or a refresh that begins after Deactivate has returned, and none of those before works.
func TestRace_DeactivateEndsTheIssuingOfTokens(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		for _, email := range []string{"ann@example.com", "bob@example.com", "eve@example.com"} {
			user := f.create(t, email)
			created := *user // what opens a session writes to the user that it is given
			var isOff atomic.Bool
			var group sync.WaitGroup
			issued := make([][]string, 6)
			for i := range issued {
				token := f.open(t, user).RefreshToken
				issued[i] = []string{token}
				group.Go(func() {
					for isLate := false; !isLate; {
						isLate = isOff.Load()
						next, err := f.issue(created, token, i%2 == 0)
						if err != nil {
							continue
						}
						if isLate {
							t.Errorf("a token was issued after the account was disabled")
						}
						token = next.RefreshToken
						issued[i] = append(issued[i], token)
					}
				})
			}
			require.NoError(t, f.Deactivate(context.Background(), email))
			isOff.Store(true)
			group.Wait()
			for _, tokens := range issued {
				for _, token := range tokens {
					require.False(t, f.sessions.Accepts(t.Context(), token))
				}
			}
			live, err := f.sessions.Live(t.Context(), user.ID)
			require.NoError(t, err)
			require.Empty(t, live)
		}
	})
}

// issue logs in or refreshes.
func (f sessionFixture) issue(user models.User, token string, byLogin bool) (*models.SessionTokens, error) {
	if byLogin {
		return f.managers.Logins.Open(context.Background(), &user, models.RequestInfo{})
	}
	return f.sessions.Refresh(context.Background(), token, models.RequestInfo{})
}
