package models_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/models"
)

// atOnce runs functions that start at the same moment, and returns what each returned.
func atOnce(functions ...func() error) []error {
	errs := make([]error, len(functions))
	start := make(chan struct{})
	var group sync.WaitGroup
	for i, run := range functions {
		group.Go(func() {
			<-start
			errs[i] = run()
		})
	}
	close(start)
	group.Wait()
	return errs
}

func (f sessionFixture) superuser(t *testing.T, email string) *models.User {
	t.Helper()
	user, err := f.CreateSuperuser(t.Context(), models.NewUser{Email: email, Password: strongPassword})
	require.NoError(t, err)
	return user
}

func (f sessionFixture) asksToBeDeleted(user *models.User) error {
	return f.RequestDeletion(context.Background(), user, models.AccountDeletion{Password: strongPassword, Grace: time.Hour})
}

// requireSuperusers holds if so many active superusers are left, pending deletions included.
func (f sessionFixture) requireSuperusers(t *testing.T, want int) {
	t.Helper()
	var superusers int64
	require.NoError(t, f.db.Model(&models.User{}).Where("is_superuser AND is_active").Count(&superusers).Error)
	require.EqualValues(t, want, superusers)
}

func TestUserManager_RequestDeletion_TheLastSuperuserIsWhoStays(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		ctx := t.Context()
		ann, bob := f.superuser(t, "ann@example.com"), f.superuser(t, "bob@example.com")
		require.NoError(t, f.asksToBeDeleted(ann))
		require.ErrorIs(t, f.asksToBeDeleted(bob), models.ErrLastSuperuser)
		require.ErrorIs(t, f.Demote(ctx, bob.Email), models.ErrLastSuperuser)
		require.ErrorIs(t, f.Deactivate(ctx, bob.Email), models.ErrLastSuperuser)
		require.ErrorIs(t, f.Delete(ctx, bob.Email), models.ErrLastSuperuser)
		f.clock.Advance(2 * time.Hour)
		deleted, err := f.DeleteDue(ctx, 10)
		require.NoError(t, err)
		require.EqualValues(t, 1, deleted)
		require.Empty(t, f.events(t, models.EventDeletionCancelled))
		f.requireSuperusers(t, 1)
	})
}

func TestUserManager_RequestDeletion_OneWhoLeavesMayBeDemoted(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		ann := f.superuser(t, "ann@example.com")
		f.superuser(t, "bob@example.com")
		require.NoError(t, f.asksToBeDeleted(ann))
		require.NoError(t, f.Demote(t.Context(), ann.Email))
	})
}

func TestUserManager_RequestDeletion_OfTwoSuperusersAtOnceOneIsRefused(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		ann, bob := f.superuser(t, "ann@example.com"), f.superuser(t, "bob@example.com")
		errs := atOnce(
			func() error { return f.asksToBeDeleted(ann) },
			func() error { return f.asksToBeDeleted(bob) },
		)
		require.ErrorIs(t, errors.Join(errs...), models.ErrLastSuperuser)
		require.Len(t, f.events(t, models.EventDeletionAsked), 1)
	})
}

// Accounts may be due although no superuser stays: an earlier version let all of them ask, and an import brings what the
// former system let them.
func TestUserManager_DeleteDue_KeepsTheLastSuperuser(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		ctx := t.Context()
		ann, bob := f.superuser(t, "ann@example.com"), f.superuser(t, "bob@example.com")
		f.set(t, ann, "deletion_due_at", f.clock.Now().Add(time.Hour))
		f.set(t, bob, "deletion_due_at", f.clock.Now().Add(2*time.Hour))
		f.clock.Advance(time.Hour)
		require.NoError(t, f.DeleteIfDue(ctx, ann.ID))
		f.requireSuperusers(t, 1)
		f.clock.Advance(time.Hour)
		require.NoError(t, f.DeleteIfDue(ctx, bob.ID))
		deleted, err := f.DeleteDue(ctx, 10)
		require.NoError(t, err)
		require.Zero(t, deleted)
		left, err := f.ByEmail(ctx, bob.Email)
		require.NoError(t, err)
		require.Nil(t, left.DeletionDueAt)
		events := f.events(t, models.EventDeletionCancelled)
		require.Len(t, events, 1)
		require.Equal(t, models.DetailLastSuperuser, events[0].Detail)
		require.Equal(t, bob.ID, events[0].UserID)
	})
}

func TestUserManager_DeleteDue_KeepsOneOfAllThatAreDue(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		for i, email := range []string{"ann@example.com", "bob@example.com", "eve@example.com"} {
			user := f.superuser(t, email)
			f.set(t, user, "deletion_due_at", f.clock.Now().Add(-time.Duration(i)*time.Minute))
		}
		f.set(t, f.create(t, "tom@example.com"), "deletion_due_at", f.clock.Now())
		errs := atOnce(
			func() error { _, err := f.DeleteDue(context.Background(), 10); return err },
			func() error { _, err := f.DeleteDue(context.Background(), 10); return err },
		)
		require.NoError(t, errors.Join(errs...))
		f.requireSuperusers(t, 1)
		require.EqualValues(t, 1, f.count(t))
		require.Len(t, f.events(t, models.EventDeletionCancelled), 1)
	})
}

// Whatever two of them do at once, a superuser is left.
func TestUserManager_TheLastSuperuserSurvivesAnyTwoActsAtOnce(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		ctx := context.Background()
		acts := map[string]func(user *models.User) error{
			"demote":     func(user *models.User) error { return f.Demote(ctx, user.Email) },
			"deactivate": func(user *models.User) error { return f.Deactivate(ctx, user.Email) },
			"delete":     func(user *models.User) error { return f.Delete(ctx, user.Email) },
			"ask":        func(user *models.User) error { return f.asksToBeDeleted(user) },
			"sweep": func(user *models.User) error {
				due := f.db.Model(&models.User{}).Where("id = ?", user.ID).Update("deletion_due_at", f.clock.Now())
				return errors.Join(due.Error, f.DeleteIfDue(ctx, user.ID))
			},
		}
		for first, one := range acts {
			for second, other := range acts {
				ann, bob := f.superuser(t, "ann@example.com"), f.superuser(t, "bob@example.com")
				errs := atOnce(func() error { return one(ann) }, func() error { return other(bob) })
				for _, err := range errs {
					if err != nil {
						require.ErrorIs(t, err, models.ErrLastSuperuser, "%s and %s", first, second)
					}
				}
				f.clock.Advance(2 * time.Hour)
				_, err := f.DeleteDue(ctx, 10)
				require.NoError(t, err)
				f.requireSuperusers(t, 1)
				require.NoError(t, f.db.Where("TRUE").Delete(&models.User{}).Error)
			}
		}
	})
}

// An account that another request deletes at the same time is not found by what comes later, and nothing is recorded about it
// after its deletion.
func TestUserManager_ActsThatLoseToADeletionFindNoUser(t *testing.T) {
	t.Parallel()
	eachSession(t, func(t *testing.T, f sessionFixture) {
		ctx := context.Background()
		f.superuser(t, "root@example.com") // so that nobody else is the last
		for name, act := range map[string]func(email string) error{
			"promote":      func(email string) error { return f.Promote(ctx, email) },
			"demote":       func(email string) error { return f.Demote(ctx, email) },
			"deactivate":   func(email string) error { return f.Deactivate(ctx, email) },
			"activate":     func(email string) error { return f.Activate(ctx, email) },
			"end sessions": func(email string) error { _, err := f.EndSessions(ctx, email); return err },
		} {
			ann := f.create(t, "ann@example.com")
			errs := atOnce(
				func() error { return f.Delete(ctx, ann.Email) },
				func() error { return act(ann.Email) },
			)
			require.NoError(t, errs[0], name)
			if errs[1] != nil {
				require.ErrorIs(t, errs[1], models.ErrUserNotFound, name)
			}
			var events []models.AuditEvent
			require.NoError(t, f.db.Where("user_id = ?", ann.ID).Order("id").Find(&events).Error)
			require.Equal(t, models.EventAccountDeleted, events[len(events)-1].Kind, name)
			if errs[1] != nil {
				require.Len(t, events, 2, "%s: signed up, deleted", name)
			}
		}
	})
}

func TestImportManager_Import_NeverTakesTheLastSuperuserAway(t *testing.T) {
	t.Parallel()
	eachImport(t, func(t *testing.T, f importFixture) {
		due := noon.Add(time.Hour)
		root, other := foreign(1, "ann@example.com"), foreign(2, "bob@example.com")
		root.IsSuperuser, other.IsSuperuser = true, true
		f.run(t, root, other)
		root.IsSuperuser, other.IsActive = false, false
		rehearsed, err := f.imports.Rehearse().Import(t.Context(), []models.ExternalAccount{root, other})
		require.NoError(t, err)
		report := f.run(t, root, other)
		require.Equal(t, rehearsed, report)
		require.Equal(t, 1, report.Updated)
		require.Equal(t, []string{"id 2: it is the last active superuser here; promote another one first"}, reasons(report))

		other.IsActive, other.DeletionDueAt = true, &due
		require.Len(t, f.run(t, other).Refused, 1, "a deletion takes them away too")
		newcomer := foreign(3, "eve@example.com")
		newcomer.IsSuperuser = true
		rehearsal := f.imports.Rehearse()
		for _, batch := range [][]models.ExternalAccount{{newcomer}, {other}} {
			rehearsed, err := rehearsal.Import(t.Context(), batch)
			require.NoError(t, err)
			require.Empty(t, rehearsed.Refused)
			require.Equal(t, rehearsed, f.run(t, batch...))
		}
	})
}
