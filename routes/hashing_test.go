package routes_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/passwords"
	"latchkey/testkit"
)

// cheap returns settings with costs that protect nothing, so that tests are quick.
func cheap(settings ...string) []string {
	return append([]string{
		"PASSWORD_ARGON2_MEMORY=8", "PASSWORD_ARGON2_TIME=1", "PASSWORD_BCRYPT_COST=4", "PASSWORD_SCRYPT_N=2",
		"PASSWORD_SCRYPT_R=1", "PASSWORD_SCRYPT_P=1", "PASSWORD_PBKDF2_ITERATIONS=1", "PASSWORD_HASH_WAIT=30s",
	}, settings...)
}

// long has 100 bytes, of which bcrypt would read 72.
var long = strings.Repeat("a plum tree by the gate, ", 4)

func TestLogin_UpgradesThePasswordHashToTheSettings(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		emails := map[string]string{"ann@example.com": testkit.Password, "bob@example.com": long}
		first := testkit.NewHashingApp(t, db, 1, cheap()...)
		for email, password := range emails {
			require.Equal(t, http.StatusCreated, first.Post(t, "/api/v1/signup", credentials(email, password)).Status)
		}
		for _, step := range []struct{ setting, short, long string }{
			{"PASSWORD_HASH=bcrypt", "$2a$04$", "bcrypt_sha256$$2a$04$"},
			{"PASSWORD_HASH=bcrypt PASSWORD_BCRYPT_COST=5", "$2a$05$", "bcrypt_sha256$$2a$05$"},
			{"PASSWORD_HASH=scrypt", "$scrypt$ln=1,r=1,p=1$", ""},
			{"PASSWORD_HASH=scrypt PASSWORD_SCRYPT_P=2", "$scrypt$ln=1,r=1,p=2$", ""},
			{"PASSWORD_HASH=pbkdf2_sha256", "$pbkdf2-sha256$i=1,", ""},
			{"PASSWORD_HASH=bcrypt", "$2a$04$", "bcrypt_sha256$$2a$04$"},
			{"PASSWORD_HASH=argon2id PASSWORD_ARGON2_TIME=3", "$argon2id$v=19$m=8,t=3,p=1$", ""},
			{"PASSWORD_HASH=argon2id", "$argon2id$v=19$m=8,t=1,p=1$", ""},
		} {
			require.NoError(t, db.Exec("DELETE FROM login_throttles").Error, "the wrong guesses below may not lock the account")
			app := testkit.NewHashingApp(t, db, 1, cheap(strings.Fields(step.setting)...)...)
			for email, password := range emails {
				login := func(password string) int {
					return app.Post(t, "/api/v1/login", credentials(email, password)).Status
				}
				before := hashOf(t, app, email)
				require.Equal(t, http.StatusUnauthorized, login(password+"x"))
				require.Equal(t, http.StatusUnauthorized, login(password[:len(password)-1]))
				require.Equal(t, before, hashOf(t, app, email), "a wrong password upgrades nothing")

				require.Equal(t, http.StatusOK, login(password))
				want := step.short
				if len(password) > 72 && step.long != "" {
					want = step.long
				}
				require.Regexp(t, "^"+strings.NewReplacer("$", `\$`).Replace(want), hashOf(t, app, email), step.setting)
				if password == long {
					require.Equal(t, http.StatusUnauthorized, login(password[:72]), "nothing is truncated")
				}
				upgraded, counted := hashOf(t, app, email), app.Hasher.Hashes()
				require.Equal(t, http.StatusOK, login(password))
				require.EqualValues(t, 1, app.Hasher.Hashes()-counted)
				require.Equal(t, upgraded, hashOf(t, app, email), "an up-to-date hash is not replaced")
			}
		}
	})
}

func hashOf(t *testing.T, app *testkit.App, email string) string {
	t.Helper()
	for _, user := range users(t, app) {
		if user.Email == email {
			return user.Password
		}
	}
	require.Fail(t, "no such user", email)
	return ""
}

// The hash is md5("seasalt" + testkit.Password), as Django writes it.
func TestLogin_AcceptsALegacyHashOnlyIfAllowed(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		refusing := testkit.NewHashingApp(t, db, 1, cheap()...)
		refusing.Signup(t, "ann@example.com")
		require.NoError(t, db.Exec("UPDATE users SET password = ?", "md5$seasalt$773c9d30e7a44764292b43ca64c54cc8").Error)
		require.Equal(t, http.StatusUnauthorized,
			refusing.Post(t, "/api/v1/login", credentials("ann@example.com", testkit.Password)).Status)
		allowing := testkit.NewHashingApp(t, db, 1, cheap("PASSWORD_ALLOW_LEGACY_HASHES=sha1,md5")...)
		allowing.Login(t, "ann@example.com")
		require.Contains(t, hashOf(t, allowing, "ann@example.com"), "$argon2id$", "the login upgraded the hash")
		refusing.Login(t, "ann@example.com")
	})
}

// occupy makes the only worker of an app compute the most expensive hash that is allowed, and returns once it has begun. The
// channel is closed when it ends.
func occupy(t *testing.T, app *testkit.App) (ended <-chan struct{}) {
	t.Helper()
	const expensive = "$argon2id$v=19$m=131072,t=8,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	before, done := app.Hasher.Hashes(), make(chan struct{})
	go func() {
		defer close(done)
		_, _ = app.Hasher.Verify(context.Background(), "", expensive)
	}()
	require.Eventually(t, func() bool { return app.Hasher.Hashes() > before }, time.Minute, time.Millisecond)
	return done
}

// isOpen reports whether the hash that occupies a worker is still being computed. Otherwise the worker may have been free,
// because the machine paused, and the test has to try again.
func isOpen(ended <-chan struct{}) bool {
	select {
	case <-ended:
		return false
	default:
		return true
	}
}

func TestLogin_IsOverloadedIfItCantHashInTime(t *testing.T) {
	for counts := false; !counts; {
		app := testkit.NewHashingApp(t, testkit.SQLite(t), 1, cheap("PASSWORD_HASH_WAIT=1ms")...)
		ended := occupy(t, app)
		answers := []testkit.Response{
			app.Do(t, post("/api/v1/login", credentials("ann@example.com", testkit.Password))),
			app.Do(t, post("/api/v1/signup", credentials("ann@example.com", testkit.Password))),
		}
		if counts = isOpen(ended); !counts {
			continue
		}
		for _, answer := range answers {
			requireCode(t, http.StatusServiceUnavailable, "overloaded", answer)
			require.Contains(t, []string{"1", "2", "3"}, answer.Header.Get("Retry-After"))
		}
		require.EqualValues(t, 1, app.Hasher.Hashes(), "nothing else was hashed")
		require.Empty(t, users(t, app))
	}
}

func TestLogin_LeavesTheQueueIfTheClientDisconnects(t *testing.T) {
	for counts := false; !counts; {
		app := testkit.NewHashingApp(t, testkit.SQLite(t), 1, cheap("PASSWORD_HASH_WAIT=30s")...)
		ended := occupy(t, app)
		ctx, leave := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, app.URL+"/api/v1/login",
			strings.NewReader(credentials("ann@example.com", testkit.Password)))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		left := make(chan error)
		go func() {
			answer, err := http.DefaultClient.Do(request)
			if err == nil {
				_ = answer.Body.Close()
			}
			left <- err
		}()
		waiting := func() int64 { return app.Hasher.Stats().Waiting }
		require.Eventually(t, func() bool { return waiting() == 1 || !isOpen(ended) }, time.Minute, time.Millisecond)
		leave()
		err = <-left
		require.Eventually(t, func() bool { return waiting() == 0 }, time.Minute, time.Millisecond)
		counts = isOpen(ended)
		<-ended
		if counts {
			require.ErrorIs(t, err, context.Canceled)
			require.EqualValues(t, 1, app.Hasher.Hashes(), "nobody's password was hashed")
		}
	}
}

func TestPasswords_TooLongAreRefusedBeforeHashing(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	for _, test := range []struct {
		path           string
		length, status int
	}{
		{"signup", passwords.MaxLength + 1, http.StatusBadRequest},
		{"signup", 60_000, http.StatusBadRequest},
		{"signup", 1 << 20, http.StatusRequestEntityTooLarge},
		{"login", passwords.MaxLength + 1, http.StatusBadRequest},
		{"login", 1 << 20, http.StatusRequestEntityTooLarge},
	} {
		answer := app.Post(t, "/api/v1/"+test.path, credentials("ann@example.com", strings.Repeat("p", test.length)))
		require.Equal(t, test.status, answer.Status, "%s %d", test.path, test.length)
	}
	require.Zero(t, app.Hasher.Hashes())
	require.Zero(t, count(t, app, "login_throttles"), "a password that is too long does not count as a guess")
}

// Rating a password can cost more than hashing it, so it waits for a slot like a hash does, and is refused like one.
func TestPasswordPolicy_IsAppliedInTheSlotsOfHashes(t *testing.T) {
	t.Parallel()
	app := testkit.NewHashingApp(t, testkit.SQLite(t), 1, cheap("PASSWORD_HASH_WAIT=100ms")...)
	release, held := make(chan struct{}), make(chan struct{})
	freed := make(chan error, 1)
	go func() { freed <- app.Hasher.Do(context.Background(), func() { close(held); <-release }) }()
	<-held
	const costly = "1aaaa11aaaa1@@@9876543210qwertyuiop1aaaa11aaaa1@@@9876543210qwer"
	requireCode(t, http.StatusServiceUnavailable, "overloaded", app.Post(t, signup, credentials(annAddress, costly)))
	requireCode(t, http.StatusServiceUnavailable, "overloaded", app.Post(t, signup, credentials(annAddress, "12345678")))
	requireCode(t, http.StatusBadRequest, "validation_error", app.Post(t, signup, credentials(annAddress, "")))
	close(release)
	require.NoError(t, <-freed)
	requireCode(t, http.StatusBadRequest, "validation_error", app.Post(t, signup, credentials(annAddress, "12345678")))
}
