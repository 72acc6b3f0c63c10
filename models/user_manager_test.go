package models_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/passwords"
	"latchkey/testkit"
)

const strongPassword = "correct horse battery staple"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.FixedZone("somewhere", 2*60*60))

// fixture is a manager on a database, and the hasher whose count tells what a call cost.
type fixture struct {
	*models.UserManager
	managers testkit.Managers
	db       *gorm.DB
	hasher   *passwords.Pool
}

func eachManager(t *testing.T, run func(t *testing.T, f fixture)) {
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		run(t, newFixture(t, db, testkit.ManagerOptions{Now: func() time.Time { return noon }}))
	})
}

func newFixture(t *testing.T, db *gorm.DB, options testkit.ManagerOptions) fixture {
	t.Helper()
	if options.Hasher == nil {
		options.Hasher = testkit.FastHasher(t)
	}
	managers := testkit.NewManagers(t, db, options)
	return fixture{managers.Users, managers, db, options.Hasher}
}

func (f fixture) create(t *testing.T, email string) *models.User {
	t.Helper()
	user, err := f.CreateUser(t.Context(), models.NewUser{Email: email, Password: strongPassword})
	require.NoError(t, err)
	return user
}

func (f fixture) count(t *testing.T) int64 {
	t.Helper()
	var n int64
	require.NoError(t, f.db.Model(&models.User{}).Count(&n).Error)
	return n
}

// codes are the faults of a ValidationError as field → code.
func codes(t *testing.T, err error) map[string]string {
	t.Helper()
	var invalid *models.ValidationError
	require.ErrorAs(t, err, &invalid)
	found := map[string]string{}
	for _, fault := range invalid.Errors {
		found[fault.Field] = fault.Code
	}
	return found
}

func TestUserManager_CreateUser_StoresWhatWasGivenAndNoRoles(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		created, err := f.CreateUser(t.Context(), models.NewUser{
			Email: " Ann@Example.com ", Password: strongPassword, FirstName: " Ann ", LastName: "Bee",
		})
		require.NoError(t, err)
		stored, err := f.ByEmail(t.Context(), "ANN@example.com")
		require.NoError(t, err)
		require.Equal(t, created, stored)
		require.Equal(t, "ann@example.com", stored.Email)
		require.Equal(t, "Ann Bee", stored.FullName())
		require.Equal(t, uuid.Version(7), stored.ID.Version())
		require.True(t, stored.IsActive)
		require.False(t, stored.IsStaff || stored.IsSuperuser)
		require.Nil(t, stored.LastLogin)
		require.Equal(t, noon.UTC().Truncate(time.Microsecond), stored.DateJoined)
		require.NotContains(t, stored.Password, strongPassword)
	})
}

func TestUserManager_CreateSuperuser_HasEveryRole(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		_, err := f.CreateSuperuser(t.Context(), models.NewUser{Email: "root@example.com", Password: strongPassword})
		require.NoError(t, err)
		stored, err := f.ByEmail(t.Context(), "root@example.com")
		require.NoError(t, err)
		require.True(t, stored.IsActive && stored.IsStaff && stored.IsSuperuser)
	})
}

func TestUserManager_CreateUser_ReportsEveryErrorAndWritesNothing(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		_, err := f.CreateUser(t.Context(), models.NewUser{
			Email: "ann", Password: "", FirstName: "a\x07b", LastName: strings.Repeat("é", 151),
		})
		require.Equal(t, map[string]string{
			"email": models.CodeInvalid, "password": models.CodeRequired,
			"first_name": models.CodeInvalidCharacters, "last_name": models.CodeTooLong,
		}, codes(t, err))
		_, err = f.CreateUser(t.Context(), models.NewUser{Email: "annabelle@example.com", Password: "annabelle1"})
		require.Equal(t, map[string]string{"password": "password_too_similar"}, codes(t, err))
		require.Zero(t, f.count(t))
		require.Zero(t, f.hasher.Hashes())
	})
}

func TestUserManager_CreateUser_TakenEmailIsAFieldError(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		f.create(t, "ann@example.com")
		_, err := f.CreateUser(t.Context(), models.NewUser{Email: "ANN@example.com", Password: strongPassword})
		require.Equal(t, map[string]string{"email": models.CodeTaken}, codes(t, err))
		f.create(t, "bob@example.com")
		require.EqualValues(t, 2, f.count(t))
	})
}

func TestUserManager_CreateUser_SimultaneousOnesMakeOneUser(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		const racers = 200
		results := make([]error, racers)
		var group sync.WaitGroup
		for i := range racers {
			group.Go(func() {
				_, results[i] = f.CreateUser(t.Context(), models.NewUser{Email: "ann@example.com", Password: strongPassword})
			})
		}
		group.Wait()
		var made int
		for _, err := range results {
			if err == nil {
				made++
				continue
			}
			require.Equal(t, map[string]string{"email": models.CodeTaken}, codes(t, err))
		}
		require.Equal(t, 1, made)
		require.EqualValues(t, 1, f.count(t))
	})
}

func (f fixture) set(t *testing.T, user *models.User, column string, value any) {
	t.Helper()
	require.NoError(t, f.db.Model(user).Update(column, value).Error)
}

func TestUserManager_UpdateProfile_ChangesOnlyWhatIsGiven(t *testing.T) {
	t.Parallel()
	eachManager(t, func(t *testing.T, f fixture) {
		user := f.create(t, "ann@example.com")
		other := f.create(t, "bob@example.com")
		name, empty := " Ann ", ""
		got, err := f.UpdateProfile(t.Context(), user.ID, models.ProfileChange{FirstName: &name})
		require.NoError(t, err)
		require.Equal(t, "Ann", got.FirstName)
		got, err = f.UpdateProfile(t.Context(), user.ID, models.ProfileChange{LastName: &name})
		require.NoError(t, err)
		require.Equal(t, "Ann Ann", got.FullName())
		got, err = f.UpdateProfile(t.Context(), user.ID, models.ProfileChange{FirstName: &empty})
		require.NoError(t, err)
		require.Equal(t, "Ann", got.FullName())
		got, err = f.UpdateProfile(t.Context(), user.ID, models.ProfileChange{})
		require.NoError(t, err)
		require.Equal(t, "Ann", got.FullName())

		long := strings.Repeat("x", 151)
		_, err = f.UpdateProfile(t.Context(), user.ID, models.ProfileChange{FirstName: &name, LastName: &long})
		require.Equal(t, map[string]string{"last_name": models.CodeTooLong}, codes(t, err))
		unchanged, err := f.ByEmail(t.Context(), user.Email)
		require.NoError(t, err)
		require.Equal(t, got, unchanged)
		untouched, err := f.ByEmail(t.Context(), other.Email)
		require.NoError(t, err)
		require.Equal(t, other, untouched)

		_, err = f.UpdateProfile(t.Context(), uuid.New(), models.ProfileChange{FirstName: &name})
		require.ErrorIs(t, err, models.ErrAccountInactive)
	})
}
