package models_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"latchkey/config"
	"latchkey/jobs"
	"latchkey/mail"
	"latchkey/models"
	"latchkey/passwords"
	"latchkey/server"
	"latchkey/testkit"
)

// guessing is a replica at which secrets of all kinds are guessed.
type guessing struct {
	server.Managers
	db    *gorm.DB
	clock *testkit.Clock
}

func newGuessing(t *testing.T, db *gorm.DB, clock *testkit.Clock, hasher *passwords.Pool) guessing {
	t.Helper()
	settings, err := config.Load([]string{"SECRET_KEY=" + testkit.SecretKey, "SECURITY_NOTICES=off"}, t.TempDir())
	require.NoError(t, err)
	managers, err := server.NewManagers(settings, server.Resources{
		DB: db, Hasher: hasher, Log: slog.New(slog.DiscardHandler), Now: clock.Now,
	})
	require.NoError(t, err)
	return guessing{managers, db, clock}
}

func eachGuessing(t *testing.T, run func(t *testing.T, g guessing)) {
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		run(t, newGuessing(t, db, testkit.NewClock(), testkit.FastHasher(t)))
	})
}

// eachHashing is eachGuessing with the hasher, which counts what it verifies.
func eachHashing(t *testing.T, run func(t *testing.T, g guessing, hasher *passwords.Pool)) {
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		hasher := testkit.FastHasher(t)
		run(t, newGuessing(t, db, testkit.NewClock(), hasher), hasher)
	})
}

// victim is an account that is guessed at.
type victim struct {
	guessing
	user *models.User
}

var victims atomic.Uint64

func (g guessing) victim(t require.TestingT) victim {
	input := models.NewUser{Email: fmt.Sprintf("victim%d@example.com", victims.Add(1)), Password: testkit.Password}
	user, err := g.Users.CreateUser(context.Background(), input)
	require.NoError(t, err)
	return victim{g, user}
}

// mailed returns the code of a new mail that asks to verify the address.
func (v victim) mailed(t require.TestingT) string {
	require.NoError(t, v.db.Model(v.user).Update("email_verified_at", nil).Error)
	job := jobs.Mail{Message: string(mail.VerifyEmail), UserID: v.user.ID, About: uuid.Must(uuid.NewV7())}
	message, err := v.OneTimeTokens.Compose(context.Background(), job)
	require.NoError(t, err)
	return message.Code
}

// known is a device that the account knows, with its session; the zero value is a stranger.
type known struct {
	token   string
	session *models.Session
}

func (v victim) device(t require.TestingT) known {
	user := *v.user
	opened, err := v.Logins.Open(context.Background(), &user, models.RequestInfo{})
	require.NoError(t, err)
	return known{opened.DeviceToken, opened.Session}
}

// login, code and password are guesses of each kind. They report whether the guess was accepted.
func (v victim) login(secret string, from known) (bool, error) {
	attempt := v.Logins.Prepare(models.LoginRequest{Email: v.user.Email, Password: secret, DeviceToken: from.token})
	_, err := v.Logins.Login(context.Background(), attempt)
	return accepted(err, models.ErrInvalidCredentials)
}

func (v victim) code(secret string, from known) (bool, error) {
	proof := models.EmailProof{Email: v.user.Email, Code: secret, DeviceToken: from.token}
	err := v.Verifications.VerifyEmail(context.Background(), proof, models.Owner{UserID: v.user.ID}, models.RequestInfo{})
	return accepted(err, models.ErrCodeInvalid)
}

func (v victim) password(secret string, from known) (bool, error) {
	change := models.EmailChange{NewEmail: "next" + v.user.Email, Password: secret, Session: from.session}
	err := v.Verifications.RequestEmailChange(context.Background(), v.user, change)
	var invalid *models.ValidationError
	if errors.As(err, &invalid) {
		err = models.ErrTooManyGuesses
	}
	return accepted(err, models.ErrTooManyGuesses)
}

// accepted returns an error unless it is the one of a guess that is not accepted.
func accepted(err, refusal error) (bool, error) {
	if errors.Is(err, refusal) {
		return false, nil
	}
	return err == nil, err
}

// kind is a kind of guess, with what is right for it.
type kind struct {
	name  string
	guess func(v victim, secret string, from known) (bool, error)
	right func(v victim, t require.TestingT) string
}

func kinds() []kind {
	password := func(victim, require.TestingT) string { return testkit.Password }
	return []kind{
		{"login", victim.login, password},
		{"code", victim.code, func(v victim, t require.TestingT) string { return v.mailed(t) }},
		{"current password", victim.password, password},
	}
}

// count is the rule of docs/abuse.md, beside the real thing.
type count struct {
	failures int
	failedAt time.Time
	until    time.Time
}

// guess returns whether the rule accepts a guess.
func (c *count) guess(isRight, isKnown bool, now time.Time) bool {
	switch {
	case now.Before(c.until):
		return false
	case isRight && isKnown:
		*c = count{}
		return true
	case isRight:
		return true
	case now.Sub(c.failedAt) >= 24*time.Hour:
		c.failures = 0
	}
	c.failures++
	c.failedAt, c.until = now, now
	if c.failures >= 5 {
		c.until = now.Add(min(time.Minute<<min(c.failures-5, 10), time.Hour))
	}
	return false
}

// Guesses of every kind, right and wrong, of strangers and known devices, in any order and at any time, are decided as the rule says.
func TestGuess_IsDecidedAsTheRuleSays(t *testing.T) {
	t.Parallel()
	eachGuessing(t, func(t *testing.T, g guessing) {
		rapid.Check(t, func(t *rapid.T) {
			v := g.victim(t)
			devices := []known{{}, v.device(t), v.device(t)}
			counts := make([]count, len(devices))
			for range rapid.IntRange(1, 30).Draw(t, "guesses") {
				g.clock.Advance(rapid.SampledFrom([]time.Duration{
					0, time.Second, time.Minute, 5 * time.Minute, time.Hour, 25 * time.Hour,
				}).Draw(t, "pause"))
				kind := rapid.SampledFrom(kinds()).Draw(t, "kind")
				from := rapid.IntRange(0, len(devices)-1).Draw(t, "from")
				isRight := rapid.IntRange(0, 5).Draw(t, "right") == 0
				secret := "wrong"
				if right := kind.right(v, t); isRight {
					secret = right
				}
				isAccepted, err := kind.guess(v, secret, devices[from])
				require.NoError(t, err)
				require.Equal(t, counts[from].guess(isRight, from > 0, g.clock.Now()), isAccepted, kind.name)
			}
		})
	})
}

// statements returns the SQL of what do asks the database.
func (g guessing) statements(t *testing.T, do func()) (asked []string) {
	t.Helper()
	note := func(db *gorm.DB) {
		if !db.DryRun {
			asked = append(asked, db.Statement.SQL.String())
		}
	}
	on := g.db.Callback()
	require.NoError(t, errors.Join(
		on.Create().After("*").Register("note", note), on.Query().After("*").Register("note", note),
		on.Update().After("*").Register("note", note), on.Delete().After("*").Register("note", note),
	))
	do()
	require.NoError(t, errors.Join(
		on.Create().Remove("note"), on.Query().Remove("note"), on.Update().Remove("note"), on.Delete().Remove("note"),
	))
	return asked
}

// A wrong code, and what asks for a mail, cost the same statements whoever has an account, and whether there is a code.
func TestGuess_AtACodeAsksTheDatabaseTheSameForEveryAddress(t *testing.T) {
	t.Parallel()
	eachGuessing(t, func(t *testing.T, g guessing) {
		mailed, quiet := g.victim(t), g.victim(t)
		mailed.mailed(t)
		inactive := g.victim(t)
		require.NoError(t, g.db.Model(inactive.user).Update("is_active", false).Error)
		changing := g.victim(t)
		isAsked, err := changing.password(testkit.Password, known{})
		require.NoError(t, err)
		require.True(t, isAsked)
		addresses := []string{mailed.user.Email, quiet.user.Email, inactive.user.Email, "next" + changing.user.Email, "nobody@example.com"}
		for name, ask := range map[string]func(address string){
			"code": func(address string) {
				_, err := victim{g, &models.User{Email: address}}.code("wrong", known{})
				require.NoError(t, err)
			},
			"reset": func(address string) {
				proof := models.EmailProof{Email: address, Code: "wrong"}
				_, err := g.Verifications.ResetPassword(t.Context(), proof, testkit.OtherPassword, models.RequestInfo{})
				require.ErrorIs(t, err, models.ErrCodeInvalid)
			},
			"forgot": func(address string) { require.NoError(t, g.Verifications.ForgotPassword(t.Context(), address)) },
			"login": func(address string) {
				_, err := victim{g, &models.User{Email: address}}.login("wrong", known{})
				require.NoError(t, err)
			},
		} {
			var first []string
			for _, address := range addresses {
				g.clock.Advance(models.FailureMemory)
				require.NoError(t, g.db.Where("TRUE").Delete(&models.LoginThrottle{}).Error)
				asked := g.statements(t, func() { ask(address) })
				require.NotEmpty(t, asked)
				if first == nil {
					first = asked
				}
				require.Equal(t, first, asked, "%s %s", name, address)
			}
		}
	})
}

// Each guess that is refused is counted in a row, of the account that it was at and the session that the last came from.
func TestGuess_ThatIsRefusedIsRecorded(t *testing.T) {
	t.Parallel()
	eachGuessing(t, func(t *testing.T, g guessing) {
		for _, kind := range kinds() {
			v := g.victim(t)
			from := v.device(t)
			for range models.FreeFailures + 1 {
				_, err := kind.guess(v, "wrong", from)
				require.NoError(t, err)
			}
			var events []models.AuditEvent
			require.NoError(t, g.db.Where("user_id = ? AND kind LIKE ?", v.user.ID, "%failed").Order("detail").Find(&events).Error)
			require.Len(t, events, 2, kind.name)
			require.EqualValues(t, models.FreeFailures, events[0].Count)
			require.EqualValues(t, 1, events[1].Count)
			require.Equal(t, models.DetailLocked, events[1].Detail)
			if kind.name == "current password" {
				require.Equal(t, models.EventPasswordFailed, events[0].Kind)
				require.Equal(t, []any{from.session.ID, &v.user.ID}, []any{events[0].SessionID, events[0].ActorID})
			}
		}
	})
}

// An account forgets devices, and does not know those of Django's tokens. Strangers are not in the way of the sessions on them.
func TestGuess_InASessionWithoutAKnownDeviceCountsForTheSession(t *testing.T) {
	t.Parallel()
	eachGuessing(t, func(t *testing.T, g guessing) {
		v := g.victim(t)
		forgotten, another := v.device(t), v.device(t)
		require.NoError(t, g.db.Where("account_id = ?", v.user.ID).Delete(&models.LoginThrottle{}).Error)
		another.session.DeviceID = nil
		for range models.FreeFailures {
			_, err := v.login("wrong", known{})
			require.NoError(t, err)
		}
		try := func(secret string, from known) bool {
			isAccepted, err := v.password(secret, from)
			require.NoError(t, err)
			return isAccepted
		}
		require.False(t, try(testkit.Password, known{}), "strangers are locked")
		for range models.FreeFailures {
			require.False(t, try("wrong", forgotten))
		}
		require.False(t, try(testkit.Password, forgotten), "it has used up its tries")
		require.True(t, try(testkit.Password, another))
		g.clock.Advance(models.FirstDelay)
		require.True(t, try(testkit.Password, forgotten))
		for range models.FreeFailures {
			require.False(t, try("wrong", forgotten), "it begins anew")
		}
		require.False(t, try(testkit.Password, forgotten))
	})
}

// Who confirms a new address without a session shows by the password that the account is theirs. That is a guess like any other.
func TestGuess_AtThePasswordOfANewAddressCountsForTheAccount(t *testing.T) {
	t.Parallel()
	eachGuessing(t, func(t *testing.T, g guessing) {
		v := g.victim(t)
		_, err := v.password(testkit.Password, known{})
		require.NoError(t, err)
		var token models.OneTimeToken
		require.NoError(t, g.db.Where("user_id = ? AND purpose = ?", v.user.ID, mail.ChangeEmail).Take(&token).Error)
		job := jobs.Mail{Message: string(mail.ChangeEmail), UserID: v.user.ID, About: token.ID}
		message, err := g.OneTimeTokens.Compose(t.Context(), job)
		require.NoError(t, err)
		proofs := []models.EmailProof{{Token: message.Token}, {Email: message.To, Code: message.Code}}
		confirm := func(proof models.EmailProof, password string) error {
			return g.Verifications.VerifyEmail(t.Context(), proof, models.Owner{Password: password}, models.RequestInfo{})
		}
		for n := range models.FreeFailures {
			require.Equal(t, map[string]string{"current_password": models.CodeIncorrect}, codes(t, confirm(proofs[n%2], "wrong")))
		}
		for _, proof := range proofs {
			require.ErrorIs(t, confirm(proof, testkit.Password), models.ErrTooManyGuesses)
		}
		isAccepted, err := v.login(testkit.Password, known{})
		require.NoError(t, err)
		require.False(t, isAccepted, "strangers have one count")
		g.clock.Advance(models.FirstDelay)
		require.NoError(t, confirm(proofs[1], testkit.Password))
	})
}
