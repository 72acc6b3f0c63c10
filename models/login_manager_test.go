package models_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/passwords"
)

// loginFixture is a sessionFixture with logins.
type loginFixture struct {
	sessionFixture
	logins *models.LoginManager
}

func eachLogin(t *testing.T, run func(t *testing.T, f loginFixture)) {
	eachSession(t, func(t *testing.T, f sessionFixture) { run(t, loginFixture{f, f.managers.Logins}) })
}

func (f loginFixture) try(email, password, device string) (*models.SessionTokens, error) {
	return f.logins.Login(context.Background(), f.logins.Prepare(models.LoginRequest{
		Email: email, Password: password, DeviceToken: device,
		From: models.RequestInfo{IP: "203.0.113.9", RequestID: "request-9"},
	}))
}

func (f loginFixture) login(t *testing.T, email, device string) *models.SessionTokens {
	t.Helper()
	grant, err := f.try(email, strongPassword, device)
	require.NoError(t, err)
	return grant
}

// counted is the number of failures that were counted as tries, and not refused while locked.
func (f loginFixture) counted(t *testing.T) int64 {
	t.Helper()
	return times(t, f.db, models.EventLoginFailed, "")
}

// times returns how often an event has happened.
func times(t *testing.T, db *gorm.DB, kind, detail string) (n int64) {
	t.Helper()
	require.NoError(t, db.Model(&models.AuditEvent{}).Where("kind = ? AND detail = ?", kind, detail).
		Select("COALESCE(SUM(count), 0)").Scan(&n).Error)
	return n
}

// triesPerDay is the bound of docs/abuse.md.
func triesPerDay() int64 {
	doublings, used := 0, time.Duration(0)
	for wait := models.FirstDelay; wait < models.MaxDelay; wait *= 2 {
		used += wait
		doublings++
	}
	return int64(models.FreeFailures + doublings + int((24*time.Hour-used)/models.MaxDelay))
}

// A guesser tries every minute for a day, and ten times in the first; the owner's phone logs in every hour, and so does their
// browser, which is a stranger each time, whenever it can.
func TestLoginManager_Login_BoundsAGuesserAndNeverDelaysTheOwnersPhone(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, 33, triesPerDay())
	eachLogin(t, func(t *testing.T, f loginFixture) {
		f.create(t, "ann@example.com")
		phone := f.login(t, "ann@example.com", "").DeviceToken
		for minute := range 24 * 60 {
			for range tries(minute) {
				_, err := f.try("ann@example.com", "a wrong guess", "")
				require.ErrorIs(t, err, models.ErrInvalidCredentials)
			}
			if minute%60 == 0 {
				require.Equal(t, phone, f.login(t, "ann@example.com", phone).DeviceToken)
				_, err := f.try("ann@example.com", strongPassword, "")
				require.True(t, err == nil || errors.Is(err, models.ErrInvalidCredentials))
			}
			f.clock.Advance(time.Minute)
		}
		require.EqualValues(t, triesPerDay(), f.counted(t))
	})
}

// tries is how often the guesser tries in a minute of the day.
func tries(minute int) int {
	if minute == 0 {
		return 2 * models.FreeFailures
	}
	return 1
}

func TestLoginManager_Login_CountsParallelGuesses(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, f loginFixture) {
		f.create(t, "ann@example.com")
		for round := range 2 { // the second one begins when the failures of the first are forgotten
			var group sync.WaitGroup
			for range 40 {
				group.Go(func() { _, _ = f.try("ann@example.com", "a wrong guess", "") })
			}
			group.Wait()
			require.EqualValues(t, models.FreeFailures*(round+1), f.counted(t))
			_, err := f.try("ann@example.com", strongPassword, "")
			require.ErrorIs(t, err, models.ErrInvalidCredentials, "locked")
			f.clock.Advance(models.FailureMemory)
		}
		f.login(t, "ann@example.com", "")
		require.EqualValues(t, 2, times(t, f.db, models.EventAccountLocked, ""))
	})
}

func TestLoginManager_Login_CountsEachDevice(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, f loginFixture) {
		f.create(t, "ann@example.com")
		phone := f.login(t, "ann@example.com", "").DeviceToken
		tablet := f.login(t, "ann@example.com", "").DeviceToken
		require.NotEqual(t, phone, tablet)
		f.create(t, "bob@example.com")
		bobs := f.login(t, "bob@example.com", "").DeviceToken
		for range models.FreeFailures {
			_, err := f.try("ann@example.com", "a wrong guess", phone)
			require.ErrorIs(t, err, models.ErrInvalidCredentials)
		}
		_, err := f.try("ann@example.com", strongPassword, phone)
		require.ErrorIs(t, err, models.ErrInvalidCredentials, "the phone is locked")
		f.login(t, "ann@example.com", tablet)
		f.login(t, "ann@example.com", "")
		f.clock.Advance(models.FirstDelay)
		f.login(t, "ann@example.com", phone)
		for range models.FreeFailures {
			_, err := f.try("ann@example.com", "a wrong guess", bobs)
			require.ErrorIs(t, err, models.ErrInvalidCredentials)
		}
		_, err = f.try("ann@example.com", strongPassword, "lkd_forged")
		require.ErrorIs(t, err, models.ErrInvalidCredentials, "another account's device is a stranger")
		f.login(t, "ann@example.com", phone)
		f.login(t, "bob@example.com", bobs)
	})
}

func TestLoginManager_Login_ForgetsTheDeviceOfAStolenSession(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, f loginFixture) {
		user := f.create(t, "ann@example.com")
		stolen, logged := f.login(t, user.Email, ""), f.login(t, user.Email, "")
		require.NoError(t, f.sessions.End(t.Context(), user.ID, logged.Session.ID, models.Ending{Reason: models.EndedByLogout}))
		second, err := f.refresh(t, stolen.RefreshToken)
		require.NoError(t, err)
		_, err = f.refresh(t, second.RefreshToken)
		require.NoError(t, err)
		_, err = f.refresh(t, stolen.RefreshToken)
		require.ErrorIs(t, err, models.ErrRefreshTokenReused)
		require.Equal(t, logged.DeviceToken, f.login(t, user.Email, logged.DeviceToken).DeviceToken, "logging out forgets no device")
		require.NotEqual(t, stolen.DeviceToken, f.login(t, user.Email, stolen.DeviceToken).DeviceToken)
		require.Len(t, f.events(t, models.EventSignedUp), 1)
		require.Len(t, f.events(t, models.EventLoginSucceeded), 4)
		ended := f.events(t, models.EventSessionEnded)
		require.Len(t, ended, 1)
		require.Equal(t, []any{models.EndedByLogout, logged.Session.ID}, []any{ended[0].Detail, ended[0].SessionID})
	})
}

func TestLoginManager_Login_MadeUpEmailsDontFillTheTable(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, f loginFixture) {
		f.create(t, "ann@example.com")
		for range 20 {
			f.login(t, "ann@example.com", "")
		}
		for range 1500 {
			_, err := f.try(uuid.NewString()+"@example.com", "hunter2", "")
			require.ErrorIs(t, err, models.ErrInvalidCredentials)
		}
		var rows int64
		require.NoError(t, f.db.Model(&models.LoginThrottle{}).Count(&rows).Error)
		require.LessOrEqual(t, rows, int64(1024+20))
		f.clock.Advance(models.FailureMemory + time.Second)
		for {
			deleted, err := f.logins.DeleteForgotten(t.Context(), 500)
			require.NoError(t, err)
			if deleted < 500 {
				break
			}
		}
		require.NoError(t, f.db.Model(&models.LoginThrottle{}).Count(&rows).Error)
		require.EqualValues(t, 20, rows)
		for range 5 {
			f.login(t, "ann@example.com", "")
		}
		require.NoError(t, f.db.Model(&models.LoginThrottle{}).Count(&rows).Error)
		require.EqualValues(t, 20, rows, "an account knows so many devices")
	})
}

func TestLoginManager_Login_UpgradesAnOutdatedHashAndNothingElse(t *testing.T) {
	t.Parallel()
	eachLogin(t, func(t *testing.T, f loginFixture) {
		user := f.create(t, "ann@example.com")
		former, err := passwords.NewPool(passwords.Options{
			Parameters: passwords.Parameters{Algorithm: passwords.PBKDF2SHA256, Iterations: 1000}, Wait: time.Minute,
		})
		require.NoError(t, err)
		defer former.Close()
		encoded, err := former.Hash(t.Context(), strongPassword)
		require.NoError(t, err)
		f.set(t, user, "password", encoded)

		_, err = f.try("ann@example.com", "a wrong guess", "")
		require.ErrorIs(t, err, models.ErrInvalidCredentials)
		stored, err := f.ByEmail(t.Context(), user.Email)
		require.NoError(t, err)
		require.Equal(t, encoded, stored.Password, "a wrong password upgrades nothing")

		grant := f.login(t, "ann@example.com", "")
		stored, err = f.ByEmail(t.Context(), user.Email)
		require.NoError(t, err)
		require.Contains(t, stored.Password, "$argon2id$")
		before := f.hasher.Hashes()
		f.login(t, "ann@example.com", grant.DeviceToken)
		require.EqualValues(t, 1, f.hasher.Hashes()-before, "an upgraded hash is not made again")
		_, err = f.refresh(t, grant.RefreshToken)
		require.NoError(t, err, "the session of the upgrade goes on")
	})
}
