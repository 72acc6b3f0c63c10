package models_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/mail"
	"latchkey/models"
	"latchkey/passwords"
	"latchkey/testkit"
	"latchkey/tokens"
)

// hashOfNothing is what Django stores for create_user(password="").
const hashOfNothing = "pbkdf2_sha256$1000$seasalt$XHfRVmyEZRTCcSbqGP00JKv0fRwYHK0ogjPZdSJxCXk="

// account is what decides about the use of an account.
type account struct {
	active, verified bool
	deletion         time.Duration // from now; zero for none
	password         string        // the stored hash; empty for that of the password that is tried
	required         bool          // an address has to be verified before a login
}

func (a account) String() string {
	return fmt.Sprintf("active %t, verified %t (required %t), deletion in %s, password %q",
		a.active, a.verified, a.required, a.deletion, a.password)
}

func (a account) isUsable() bool { return a.active && a.deletion >= 0 }

func (a account) isAdmitted() bool { return a.isUsable() && (a.verified || !a.required) }

// door is a way to use an account: it prepares what it needs, and tries.
type door struct {
	name    string
	prepare func(f *faulty, user *models.User) doing
	opens   func(a account) bool
}

func doors() []door {
	from := models.RequestInfo{}
	foreign := func(user *models.User) tokens.DjangoToken {
		return tokens.DjangoToken{UserID: user.ID.String(), ID: "a1"}
	}
	adopts := func(a account) bool { return a.isAdmitted() && a.deletion == 0 }
	return []door{
		{"a login", func(f *faulty, user *models.User) doing {
			return func() error { return f.login(user, testkit.Password, "") }
		}, func(a account) bool { return a.isAdmitted() && a.password == "" }},
		{"a login without a password", func(f *faulty, user *models.User) doing {
			return func() error { return f.login(user, "", "") }
		}, func(account) bool { return false }},
		{"a current password that is empty", func(f *faulty, user *models.User) doing {
			return func() error {
				return f.Users.ChangePassword(f.t.Context(), f.read(user), models.PasswordChange{New: testkit.OtherPassword})
			}
		}, func(account) bool { return false }},
		{"the session of a sign-up", func(f *faulty, user *models.User) doing {
			return func() error { _, err := f.Logins.Open(f.t.Context(), f.read(user), from); return err }
		}, account.isAdmitted},
		{"an access token of Django's", func(f *faulty, user *models.User) doing {
			return func() error {
				_, err := f.Logins.AcceptDjangoToken(f.t.Context(), foreign(user), f.clock.Now().Add(time.Hour), from)
				return err
			}
		}, adopts},
		{"a refresh token of Django's", func(f *faulty, user *models.User) doing {
			return func() error { _, err := f.Logins.ExchangeDjangoToken(f.t.Context(), foreign(user), from); return err }
		}, adopts},
		{"an open session", func(f *faulty, user *models.User) doing {
			session := f.opened(user).Session.ID
			return func() error { _, err := f.Sessions.Authenticated(f.t.Context(), session, user.ID); return err }
		}, account.isUsable},
		{"a refresh token", func(f *faulty, user *models.User) doing {
			token := f.opened(user).RefreshToken
			return func() error { _, err := f.Sessions.Refresh(f.t.Context(), token, from); return err }
		}, account.isUsable},
		{"a mail to reset the password", func(f *faulty, user *models.User) doing {
			proof := f.mailed(user, mail.ResetPassword, uuid.New())
			return func() error { return f.reset(proof) }
		}, account.isUsable},
		{"a mail to verify the address", func(f *faulty, user *models.User) doing {
			proof := f.mailed(user, mail.VerifyEmail, uuid.New())
			return func() error { return f.Verifications.VerifyEmail(f.t.Context(), proof, models.Owner{}, from) }
		}, account.isUsable},
		{"a mail to undo a change", func(f *faulty, user *models.User) doing {
			require.NoError(f.t, f.Verifications.VerifyEmail(f.t.Context(), f.changing(user), models.Owner{UserID: user.ID}, from))
			undo := f.mailed(user, models.PurposeUndoChange, f.newest(user, models.PurposeUndoChange)).Token
			return func() error { return f.Verifications.UndoEmailChange(f.t.Context(), undo, from) }
		}, account.isUsable},
	}
}

func (f *faulty) read(user *models.User) *models.User {
	f.t.Helper()
	var stored models.User
	require.NoError(f.t, f.db.Where("id = ?", user.ID).Take(&stored).Error)
	return &stored
}

// opened opens a session of an account that admits everybody.
func (f *faulty) opened(user *models.User) *models.SessionTokens {
	f.t.Helper()
	require.NoError(f.t, f.db.Model(user).Update("email_verified_at", f.clock.Now()).Error)
	return f.open(user)
}

func accounts() (all []account) {
	either := []bool{true, false}
	for _, active := range either {
		for _, verified := range either {
			for _, deletion := range []time.Duration{0, time.Hour, -time.Second} {
				for _, password := range []string{"", hashOfNothing, passwords.Unusable()} {
					for _, required := range either {
						all = append(all, account{active, verified, deletion, password, required})
					}
				}
			}
		}
	}
	return all
}

// There is one rule of what may use an account, and every way in keeps it.
func TestAccess_EveryDoorKeepsTheOneRule(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		all := newFaulty(t, db)
		verified := *all
		verified.Managers = newFaultyManagers(t, db, all.clock, "EMAIL_VERIFICATION=required")
		for _, account := range accounts() {
			f := all
			if account.required {
				f, verified.users = &verified, all.users
			}
			for _, door := range doors() {
				user := f.user()
				try := door.prepare(f, user)
				f.make(user, account)
				err := try()
				require.Equal(t, door.opens(account), err == nil, "%s by %s: %v", account, door.name, err)
				if err != nil {
					require.True(t, isOfTheDomain(err) || errors.Is(err, models.ErrEmailUnverified), "%s: %v", door.name, err)
				}
				if stored := f.read(user); account.deletion > 0 && door.name != "a mail to undo a change" && err != nil {
					require.NotNil(t, stored.DeletionDueAt, "%s by %s called a deletion off", account, door.name)
				}
			}
			all.users = f.users
		}
	})
}

// make makes a user's account what is wanted.
func (f *faulty) make(user *models.User, wanted account) {
	f.t.Helper()
	columns := map[string]any{"is_active": wanted.active, "email_verified_at": nil, "deletion_due_at": nil}
	if wanted.verified {
		columns["email_verified_at"] = f.clock.Now()
	}
	if wanted.deletion != 0 {
		columns["deletion_due_at"] = f.clock.Now().Add(wanted.deletion)
	}
	if wanted.password != "" {
		columns["password"] = wanted.password
	}
	require.NoError(f.t, f.db.Model(&models.User{}).Where("id = ?", user.ID).Updates(columns).Error)
}

// A device is forgotten with a change of password, though it logged out before; the one that changed the password stays.
func TestDevices_AreForgottenWithThePasswordThoughTheyLoggedOutBefore(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		for name, replace := range map[string]func(f *faulty, user *models.User, keep *models.Session) error{
			"change": func(f *faulty, user *models.User, keep *models.Session) error {
				return f.Users.ChangePassword(t.Context(), user, models.PasswordChange{
					Current: testkit.Password, New: testkit.OtherPassword, Session: keep,
				})
			},
			"reset": func(f *faulty, user *models.User, _ *models.Session) error {
				proof := f.mailed(user, mail.ResetPassword, uuid.New())
				return f.reset(proof)
			},
			"an operator's": func(f *faulty, user *models.User, _ *models.Session) error {
				return f.Users.SetPassword(t.Context(), user.Email, testkit.OtherPassword)
			},
		} {
			f := newReplica(&faulty{t: t, db: db, clock: testkit.NewClock()})
			input := models.NewUser{Email: uuid.NewString() + "@example.com", Password: testkit.Password}
			user, err := f.Users.CreateUser(t.Context(), input)
			require.NoError(t, err)
			gone, kept := f.open(user), f.open(user)
			ending := models.Ending{Reason: models.EndedByLogout}
			require.NoError(t, f.Sessions.End(t.Context(), user.ID, gone.Session.ID, ending))
			require.NoError(t, replace(f, f.read(user), kept.Session), name)
			var known []uuid.UUID
			require.NoError(t, db.Model(&models.LoginThrottle{}).Where("account_id = ? AND device_id <> ?", user.ID, uuid.Nil).
				Pluck("device_id", &known).Error)
			switch name {
			case "change":
				require.Equal(t, []uuid.UUID{*kept.Session.DeviceID}, known, name)
			case "reset":
				require.Len(t, known, 1, "the one that the reset came from")
				require.NotContains(t, []uuid.UUID{*gone.Session.DeviceID, *kept.Session.DeviceID}, known[0])
			default:
				require.Empty(t, known, name)
			}
		}
	})
}
