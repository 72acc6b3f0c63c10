package models_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/jobs"
	"latchkey/mail"
	"latchkey/models"
	"latchkey/testkit"
)

// mixedRounds is how often all acts run at once, twice each.
const mixedRounds = 24

// Whatever can be done to an account is done to it at once, by two replicas. Nothing fails but for reasons of the domain, and no
// transaction waits for one that waits for it.
func TestLockOrder_MixedActsOnOneAccountFailForNoOtherReasonThanTheirOwn(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		one := newFaulty(t, db)
		other := newReplica(one)
		deadlocks := countDeadlocks(t, db)
		for range mixedRounds {
			var functions []func() error
			for _, act := range one.mixedActs() {
				functions = append(functions, func() error { return act(one) }, func() error { return act(other) })
			}
			for _, err := range atOnce(functions...) {
				if err != nil && !isOfTheDomain(err) {
					require.NoError(t, err)
				}
			}
		}
		require.Zero(t, deadlocks.Load())
	})
}

// newReplica returns the managers of another replica on the same database.
func newReplica(f *faulty) *faulty {
	replica := *f
	replica.Managers = newFaultyManagers(f.t, f.db, f.clock)
	return &replica
}

// mixedActs prepares an account for everything that can be done to one.
func (f *faulty) mixedActs() []func(*faulty) error {
	user, ctx, from := f.user(), f.t.Context(), models.RequestInfo{}
	owner := models.Owner{UserID: user.ID}
	require.NoError(f.t, f.Verifications.VerifyEmail(ctx, f.changing(user), owner, from))
	require.NoError(f.t, f.db.Where("id = ?", user.ID).Take(user).Error)
	undo := f.mailed(user, models.PurposeUndoChange, f.newest(user, models.PurposeUndoChange)).Token
	require.NoError(f.t, f.db.Model(user).Update("email_verified_at", nil).Error)
	opened := f.open(user)
	device := opened.DeviceToken
	beside, err := f.Logins.Login(ctx, f.Logins.Prepare(models.LoginRequest{
		Email: user.Email, Password: testkit.Password, DeviceToken: device, // on the device of the other session
	}))
	require.NoError(f.t, err)
	copied := f.open(user).RefreshToken
	f.refreshed(copied, 2)
	verify, reset := f.mailed(user, mail.VerifyEmail, uuid.New()), f.mailed(user, mail.ResetPassword, uuid.New())
	change := f.changing(user)
	read := *user
	return []func(*faulty) error{
		func(f *faulty) error { return f.login(&read, testkit.Password, device) },
		func(f *faulty) error { return f.login(&read, testkit.OtherPassword, "") },
		func(f *faulty) error {
			user := read
			return f.Users.ChangePassword(ctx, &user, models.PasswordChange{
				Current: testkit.Password, New: testkit.OtherPassword, Session: opened.Session,
			})
		},
		func(f *faulty) error { return f.reset(reset) },
		func(f *faulty) error { return f.Verifications.VerifyEmail(ctx, verify, models.Owner{}, from) },
		func(f *faulty) error { return f.Verifications.VerifyEmail(ctx, change, owner, from) },
		func(f *faulty) error { return f.Verifications.UndoEmailChange(ctx, undo, from) },
		func(f *faulty) error {
			user := read
			return f.Users.RequestDeletion(ctx, &user, models.AccountDeletion{Password: testkit.Password, Grace: time.Hour})
		},
		func(f *faulty) error {
			return f.Sessions.EndAll(ctx, read.ID, models.Ending{Reason: models.EndedByLogout})
		},
		func(f *faulty) error {
			return f.Sessions.End(ctx, read.ID, beside.Session.ID, models.Ending{Reason: models.EndedByUser})
		},
		func(f *faulty) error { _, err := f.Users.EndSessions(ctx, read.Email); return err },
		func(f *faulty) error {
			_, err := f.Sessions.EndEveryone(ctx, models.Ending{Reason: models.EndedByOperator})
			return err
		},
		func(f *faulty) error {
			return errors.Join(f.Users.Deactivate(ctx, read.Email), f.Users.Activate(ctx, read.Email))
		},
		func(f *faulty) error { _, err := f.Sessions.Refresh(ctx, copied, from); return err },
		func(f *faulty) error {
			_, err := f.OneTimeTokens.Compose(ctx, jobs.Mail{Message: string(mail.ResetPassword), UserID: read.ID, About: uuid.New()})
			return err
		},
	}
}

func isOfTheDomain(err error) bool {
	var invalid *models.ValidationError
	return errors.As(err, &invalid) || slices.ContainsFunc([]error{
		models.ErrInvalidCredentials, models.ErrAccountInactive, models.ErrUserNotFound, models.ErrOneTimeTokenInvalid,
		models.ErrOneTimeTokenUsed, models.ErrSessionRevoked, models.ErrSessionExpired, models.ErrRefreshTokenReused,
	}, func(expected error) bool { return errors.Is(err, expected) })
}

// sqlState is an error of PostgreSQL.
type sqlState interface{ SQLState() string }

// countDeadlocks counts the statements that PostgreSQL ends for a deadlock, whether or not they are run again.
func countDeadlocks(t *testing.T, db *gorm.DB) *atomic.Int64 {
	t.Helper()
	var count atomic.Int64
	after := func(db *gorm.DB) {
		var state sqlState
		if errors.As(db.Error, &state) && state.SQLState() == "40P01" {
			count.Add(1)
		}
	}
	on := db.Callback()
	require.NoError(t, errors.Join(
		on.Create().After("*").Register("deadlocks", after), on.Query().After("*").Register("deadlocks", after),
		on.Update().After("*").Register("deadlocks", after), on.Delete().After("*").Register("deadlocks", after),
		on.Row().After("*").Register("deadlocks", after), on.Raw().After("*").Register("deadlocks", after),
	))
	return &count
}

// Two transactions lock two rows in opposite orders. The one that PostgreSQL ends runs again, from what the other left, and what
// it recorded is in the log once.
func TestStore_Transaction_RunsAgainAfterADeadlock(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		f := newFixture(t, db, testkit.ManagerOptions{})
		users := []*models.User{f.create(t, "ann@example.com"), f.create(t, "bob@example.com")}
		store := testkit.NewStore(db, testkit.NewClock().Now)
		deadlocks := countDeadlocks(t, db)
		var runs atomic.Int64
		locked := []chan struct{}{make(chan struct{}, 9), make(chan struct{}, 9)}
		rename := func(first int) func() error {
			return func() error {
				return store.Transaction(t.Context(), func(tx models.Tx) error {
					isPostgres := db.Name() == "postgres"
					runs.Add(1)
					for i, user := range []*models.User{users[first], users[1-first]} {
						if i == 1 && isPostgres && runs.Load() <= 2 {
							locked[first] <- struct{}{}
							<-locked[1-first]
						}
						changed := tx.Model(&models.User{}).Where("id = ?", user.ID).Update("last_name", gorm.Expr("last_name || 'x'"))
						if changed.Error != nil {
							return changed.Error
						}
					}
					return nil
				})
			}
		}
		for _, err := range atOnce(rename(0), rename(1)) {
			require.NoError(t, err)
		}
		for _, user := range users {
			require.NoError(t, db.Where("id = ?", user.ID).Take(user).Error)
			require.Equal(t, "xx", user.LastName)
		}
		if db.Name() == "postgres" {
			require.EqualValues(t, 1, deadlocks.Load())
			require.EqualValues(t, 3, runs.Load())
		}
	})
}

// The owner's address is reserved from the moment at which a thief has changed it. Whoever signs up with it at that very moment
// gets it before the change, which is impossible, or not at all.
func TestReservation_HoldsAgainstASignUpAtTheSameMoment(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		f, ctx, from := newFaulty(t, db), t.Context(), models.RequestInfo{}
		for range 25 {
			user := f.user()
			require.NoError(t, f.Verifications.VerifyEmail(ctx, f.mailed(user, mail.VerifyEmail, uuid.New()), models.Owner{}, from))
			change := f.changing(user)
			takers := []func() error{func() error {
				return f.Verifications.VerifyEmail(ctx, change, models.Owner{UserID: user.ID}, from)
			}}
			for range 3 {
				takers = append(takers, func() error {
					_, err := f.Users.CreateUser(ctx, models.NewUser{Email: user.Email, Password: testkit.Password})
					return err
				})
			}
			errs := atOnce(takers...)
			require.NoError(t, errs[0])
			for _, err := range errs[1:] {
				require.Equal(t, map[string]string{"email": models.CodeTaken}, codes(t, err))
			}
			undo := f.mailed(user, models.PurposeUndoChange, f.newest(user, models.PurposeUndoChange)).Token
			require.NoError(t, f.Verifications.UndoEmailChange(ctx, undo, from))
		}
	})
}

// The same, with the moments chosen: the sign-up finds the address taken in its statement, and waits for the change to commit.
func TestReservation_IsLookedForAfterTheAddressWasTaken(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		f, ctx, from := newFaulty(t, db), t.Context(), models.RequestInfo{}
		user := f.user()
		require.NoError(t, f.Verifications.VerifyEmail(ctx, f.mailed(user, mail.VerifyEmail, uuid.New()), models.Owner{}, from))
		require.NoError(t, f.Verifications.VerifyEmail(ctx, f.changing(user), models.Owner{UserID: user.ID}, from))
		taken := map[string]string{"email": models.CodeTaken}

		_, err := f.Users.CreateSuperuser(ctx, models.NewUser{Email: user.Email, Password: testkit.Password})
		require.Equal(t, taken, codes(t, err), "an operator's account")
		other := f.user()
		require.NoError(t, f.Verifications.RequestEmailChange(ctx, other,
			models.EmailChange{NewEmail: user.Email, Password: testkit.Password}))
		change := f.mailed(other, mail.ChangeEmail, f.newest(other, mail.ChangeEmail))
		err = f.Verifications.VerifyEmail(ctx, change, models.Owner{UserID: other.ID}, from)
		require.Equal(t, taken, codes(t, err), "another account")

		known, moving := foreign(1, "known@example.com"), foreign(2, "moving@example.com")
		report, err := f.Imports.Import(ctx, []models.ExternalAccount{known, moving})
		require.NoError(t, err)
		require.Equal(t, 2, report.Imported)
		moving.Email = user.Email
		report, err = f.Imports.Import(ctx, []models.ExternalAccount{moving, known, foreign(3, "third@example.com")})
		require.NoError(t, err)
		require.Equal(t, 1, report.Imported)
		require.Len(t, report.Refused, 1, "an imported account that moved")
		require.Contains(t, report.Refused[0].Reason, "can still take it back")
		report, err = f.Imports.Import(ctx, []models.ExternalAccount{foreign(4, user.Email), foreign(5, "fifth@example.com")})
		require.NoError(t, err)
		require.Equal(t, 1, report.Imported)
		require.Len(t, report.Refused, 1, "a new imported account")
		require.Contains(t, report.Refused[0].Reason, "can still take it back")

		f.clock.Advance(81 * time.Hour)
		_, err = f.Users.CreateUser(ctx, models.NewUser{Email: user.Email, Password: testkit.Password})
		require.NoError(t, err, "once the change can't be undone any more")
	})
}
