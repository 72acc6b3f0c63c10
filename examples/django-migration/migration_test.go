// Package migration moves a small Django project to Latchkey and compares the two servers.
package migration

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"latchkey/commands"
	"latchkey/database"
	"latchkey/models"
	"latchkey/testkit"
)

// moved is a migrated project: its users as they were in Django, and the service that has them now.
type moved struct {
	django project
	users  []seeded
	target string       // the URL of Latchkey's database
	app    *testkit.App // accepts the tokens of SimpleJWT
	drf    *testkit.App // accepts those of djangorestframework-jwt
}

// TestMigration moves a newly seeded project to Latchkey, on either database. Its steps build on each other.
func TestMigration(t *testing.T) {
	original := newProject(t)
	users := original.seed(t)
	testkit.EachURL(t, func(t *testing.T, target string) {
		scheme, _, _ := strings.Cut(target, ":")
		django := original.copy(t, "moves_to_"+scheme)
		latchkey(t, target, "", "migrate", "up")
		require.Contains(t, latchkey(t, target, django.database, "import", "django", "--table", "users_user"),
			fmt.Sprintf("%10d imported", len(users)))
		clock := testkit.NewClock()
		clock.Advance(time.Since(clock.Now())) // to the present, at which Django issued its tokens
		m := moved{django, users, target, serve(t, target, clock, "simplejwt"), serve(t, target, clock, "djangorestframework-jwt")}
		t.Run("a second import changes nothing", m.importsAgain)
		t.Run("every user is kept", m.keepsEveryUser)
		t.Run("both servers respond alike", m.respondsAlike)
		t.Run("both servers answer every call alike", m.answersEveryCallAlike)
	})
}

// serve returns a service with Django's paths, which accepts the tokens of a library.
func serve(t *testing.T, target string, clock *testkit.Clock, library string) *testkit.App {
	t.Helper()
	db, err := database.Open(target, database.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close(db)) })
	until := clock.Now().Add(60 * 24 * time.Hour).Format(time.DateOnly)
	return testkit.NewAppAt(t, db, clock,
		"DJANGO_COMPAT=true", "DJANGO_SECRET_KEY="+djangoSecret, "DJANGO_TOKENS_UNTIL="+until,
		"DJANGO_TOKENS_LIBRARY="+library)
}

func latchkey(t *testing.T, target, source string, args ...string) string {
	t.Helper()
	stdin, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer stdin.Close()
	var stdout, stderr bytes.Buffer
	environ := []string{"DATABASE_URL=" + target, "DJANGO_DATABASE_URL=" + source, "SECRET_KEY=" + testkit.SecretKey}
	code := commands.Run(args, environ, stdin, &stdout, &stderr)
	require.Zero(t, code, "%s", &stderr)
	return stdout.String()
}

func (m moved) user(t *testing.T, email string) models.User {
	t.Helper()
	var user models.User
	require.NoError(t, m.app.DB.Where("email = ?", email).Take(&user).Error)
	return user
}

func login(email, password string) string {
	return `{"email":"` + email + `","password":"` + password + `"}`
}

func (m moved) keepsEveryUser(t *testing.T) {
	for _, seed := range m.users {
		user := m.user(t, seed.Email)
		require.Equal(t, seed.ID, *user.LegacyID)
		require.Equal(t, seed.Hash, user.Password, "unchanged")
		require.Equal(t, []bool{seed.Active, seed.Superuser, seed.Superuser},
			[]bool{user.IsActive, user.IsSuperuser, user.IsStaff})
		if !seed.Active {
			require.Equal(t, 401, m.app.Post(t, "/api/v1/login", login(seed.Email, seed.Password)).Status)
			require.Equal(t, 401, m.app.Get(t, "/user/update/", seed.Access).Status)
			require.Equal(t, 401, m.app.Post(t, "/api/token/refresh/", `{"refresh":"`+seed.Refresh+`"}`).Status)
			require.Equal(t, seed.Hash, m.user(t, seed.Email).Password)
			continue
		}
		require.Equal(t, 200, m.app.Get(t, "/user/update/", seed.Access).Status)
		require.Equal(t, 200, m.drf.Get(t, "/user/update/", seed.DRF).Status)
		renewed := m.drf.Post(t, "/api-token-refresh/", `{"token":"`+seed.DRF+`"}`)
		require.Equal(t, 200, renewed.Status, "%s", renewed.Body)
		require.Equal(t, 200, m.app.Get(t, "/api/v1/profile", renewed.Text(t, "token")).Status)
		pair := m.app.Post(t, "/api/token/refresh/", `{"refresh":"`+seed.Refresh+`"}`)
		require.Equal(t, 200, pair.Status, "%s", pair.Body)
		require.Equal(t, seed.Email, m.app.Get(t, "/api/v1/profile", pair.Text(t, "access")).Text(t, "email"))
		for range 2 { // with the hash from Django, and with the one that replaces it
			require.Equal(t, 200, m.app.Post(t, "/api/v1/login", login(seed.Email, seed.Password)).Status, seed.Email)
			upgraded := m.user(t, seed.Email).Password
			require.Contains(t, upgraded, "$argon2id$v=19$")
			require.NotEqual(t, seed.Hash, upgraded)
		}
	}
}

func (m moved) importsAgain(t *testing.T) {
	unchanged := fmt.Sprintf("%10d unchanged", len(m.users))
	require.Contains(t, latchkey(t, m.target, m.django.database, "import", "django"), unchanged)
	dump := filepath.Join(t.TempDir(), "dump.json")
	require.NoError(t, os.WriteFile(dump, m.django.manage(t, "dumpdata", "users.user"), 0o600))
	require.Contains(t, latchkey(t, m.target, "", "import", "django", "--from", dump), unchanged)
}

// respondsAlike checks that a client sees the same responses to the same requests from either server.
func (m moved) respondsAlike(t *testing.T) {
	steps := script(m.users)
	django := m.django.serve(t)
	before, after := play(t, func(string) string { return django }, steps), play(t, m.baseOf, steps)
	for i := range steps {
		if difference := cmp.Diff(before[i], after[i]); difference != "" {
			t.Errorf("%s: Django's response (-) differs from Latchkey's (+):\n%s", steps[i].what, difference)
		}
	}
	require.Greater(t, len(steps), 80)
}

// answersEveryCallAlike checks that both servers have the same answer to every method, header and body at every path, and at
// those beside them.
func (m moved) answersEveryCallAlike(t *testing.T) {
	base := m.django.serve(t)
	django := side{base: func(string) string { return base }, change: m.django.change}
	latchkey := side{base: m.baseOf, change: m.change}
	before, after := django.play(t, m.users), latchkey.play(t, m.users)
	require.Equal(t, len(before), len(after))
	different := 0
	for i := range before {
		if difference := cmp.Diff(before[i].as(after[i]), after[i]); difference != "" && different < 20 {
			different++
			t.Errorf("%s: Django's answer (-) differs from Latchkey's (+):\n%s", before[i].What, difference)
		}
	}
	require.Greater(t, len(before), 1000)
}

// baseOf returns the URL of the service that takes the tokens of a path's library.
func (m moved) baseOf(path string) string {
	if strings.HasPrefix(path, "/api/token") {
		return m.app.URL
	}
	return m.drf.URL
}

// change deactivates one user and deletes another.
func (m moved) change(t *testing.T, inactive, deleted string) {
	t.Helper()
	require.NoError(t, m.app.DB.Model(&models.User{}).Where("email = ?", inactive).Update("is_active", false).Error)
	require.NoError(t, m.app.DB.Where("email = ?", deleted).Delete(&models.User{}).Error)
}
