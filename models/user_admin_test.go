package models_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/models"
)

func TestUserManager_DeactivateAndActivate(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		ctx := t.Context()
		ann, bob := f.create(t, "ann@example.com"), f.create(t, "bob@example.com")
		annGrant, bobGrant := f.open(t, ann), f.open(t, bob)
		require.ErrorIs(t, f.Deactivate(ctx, "eve@example.com"), models.ErrUserNotFound)
		require.ErrorIs(t, f.Activate(ctx, "eve@example.com"), models.ErrUserNotFound)
		require.NoError(t, f.Promote(ctx, ann.Email))
		require.ErrorIs(t, f.Deactivate(ctx, ann.Email), models.ErrLastSuperuser)
		require.NoError(t, f.Promote(ctx, bob.Email))
		require.NoError(t, f.Deactivate(ctx, ann.Email))
		_, err := f.refresh(t, annGrant.RefreshToken)
		require.ErrorIs(t, err, models.ErrAccountInactive)
		_, err = f.Authenticate(ctx, ann.Email, strongPassword)
		require.ErrorIs(t, err, models.ErrInvalidCredentials)
		require.NoError(t, f.Activate(ctx, ann.Email))
		_, err = f.refresh(t, annGrant.RefreshToken)
		require.ErrorIs(t, err, models.ErrSessionRevoked, "an ended session stays ended")
		_, err = f.Authenticate(ctx, ann.Email, strongPassword)
		require.NoError(t, err)
		_, err = f.refresh(t, bobGrant.RefreshToken)
		require.NoError(t, err)
	})
}

func TestUserManager_EndSessions(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		ann, bob := f.create(t, "ann@example.com"), f.create(t, "bob@example.com")
		f.open(t, ann)
		f.open(t, ann)
		f.open(t, bob)
		_, err := f.EndSessions(t.Context(), "eve@example.com")
		require.ErrorIs(t, err, models.ErrUserNotFound)
		ended, err := f.EndSessions(t.Context(), ann.Email)
		require.NoError(t, err)
		require.EqualValues(t, 2, ended)
		f.open(t, ann)
		ended, err = f.sessions.EndEveryone(t.Context(), models.Ending{Reason: models.EndedByOperator})
		require.NoError(t, err)
		require.EqualValues(t, 2, ended)
	})
}

func TestUserManager_PromoteAndDemote(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		ctx := t.Context()
		f.create(t, "ann@example.com")
		f.create(t, "bob@example.com")
		require.ErrorIs(t, f.Promote(ctx, "eve@example.com"), models.ErrUserNotFound)
		require.ErrorIs(t, f.Demote(ctx, "eve@example.com"), models.ErrUserNotFound)
		require.NoError(t, f.Demote(ctx, "ann@example.com"), "one who has no rights keeps none")
		require.NoError(t, f.Promote(ctx, "ann@example.com"))
		require.ErrorIs(t, f.Demote(ctx, "ann@example.com"), models.ErrLastSuperuser)
		require.NoError(t, f.Promote(ctx, "bob@example.com"))
		require.NoError(t, f.Demote(ctx, "ann@example.com"))
		ann, err := f.ByEmail(ctx, "ann@example.com")
		require.NoError(t, err)
		require.False(t, ann.IsStaff || ann.IsSuperuser)
		require.ErrorIs(t, f.Demote(ctx, "bob@example.com"), models.ErrLastSuperuser)
	})
}

func TestUserManager_Demote_AnInactiveSuperuserDoesNotCount(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		f.create(t, "ann@example.com")
		bob := f.create(t, "bob@example.com")
		require.NoError(t, f.Promote(t.Context(), "ann@example.com"))
		require.NoError(t, f.Promote(t.Context(), "bob@example.com"))
		f.set(t, bob, "is_active", false)
		require.ErrorIs(t, f.Demote(t.Context(), "ann@example.com"), models.ErrLastSuperuser)
		require.NoError(t, f.Demote(t.Context(), "bob@example.com"))
	})
}

func TestUserManager_Demote_TwoWhoDemoteEachOtherLeaveOneSuperuser(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		emails := []string{"ann@example.com", "bob@example.com"}
		for _, email := range emails {
			f.create(t, email)
			require.NoError(t, f.Promote(t.Context(), email))
		}
		results := make([]error, len(emails))
		var group sync.WaitGroup
		for i, email := range emails {
			group.Go(func() { results[i] = f.Demote(t.Context(), email) })
		}
		group.Wait()
		require.ErrorIs(t, errors.Join(results...), models.ErrLastSuperuser)
		var superusers int64
		require.NoError(t, f.db.Model(&models.User{}).Where("is_superuser").Count(&superusers).Error)
		require.EqualValues(t, 1, superusers)
	})
}

// The user is read after the wait for the lock on superusers, and so as the change that held it left them.
func TestUserManager_Delete_TwoAtOnceDeleteOnce(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		for range 5 {
			ann := f.create(t, "ann@example.com")
			errs := make([]error, 4)
			var group sync.WaitGroup
			for i := range errs {
				group.Go(func() {
					if i%2 == 0 {
						errs[i] = f.Delete(context.Background(), ann.Email)
						return
					}
					errs[i] = f.Deactivate(context.Background(), ann.Email)
				})
			}
			group.Wait()
			deleted := 0
			for i, err := range errs {
				if err != nil {
					require.ErrorIs(t, err, models.ErrUserNotFound)
				} else if i%2 == 0 {
					deleted++
				}
			}
			require.Equal(t, 1, deleted)
		}
		require.Zero(t, f.count(t))
	})
}
