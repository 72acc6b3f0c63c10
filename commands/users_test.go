package commands_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/testkit"
)

func TestCreateSuperuserFromTheSettings(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		file := write(t, "password", otherPassword+"\n")
		for email, settings := range map[string][]string{
			ann: {"SUPERUSER_EMAIL=" + ann, "SUPERUSER_PASSWORD=" + otherPassword},
			bob: {"SUPERUSER_EMAIL=" + bob, "SUPERUSER_PASSWORD_FILE=" + file},
		} {
			done := run(t, with(url, settings...), "createsuperuser", "--no-input")
			require.Zero(t, done.code, "%s", done.stderr)
			require.Empty(t, done.stdout)
			require.Contains(t, done.stderr, "Superuser "+email+" is created.")
		}
		found := users(t, url)
		require.Len(t, found, 2)
		for _, user := range found {
			require.True(t, user.IsSuperuser && user.IsStaff && user.IsActive)
			require.True(t, opens(t, user, otherPassword))
		}
	})
}

func TestCreateSuperuserWithoutATerminalRefuses(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, bob)
		before := users(t, url)
		given := func(email, password string) []string {
			return with(url, "SUPERUSER_EMAIL="+email, "SUPERUSER_PASSWORD="+password)
		}
		for name, c := range map[string]struct {
			environ []string
			args    []string
			code    int
			says    string
		}{
			"no terminal": {with(url), nil, 1,
				"there is no terminal to ask at; use --no-input with SUPERUSER_EMAIL and SUPERUSER_PASSWORD"},
			"no email":      {given("", otherPassword), []string{"--no-input"}, 1, "--no-input needs SUPERUSER_EMAIL"},
			"no password":   {given(ann, ""), []string{"--no-input"}, 1, "(or SUPERUSER_PASSWORD_FILE)"},
			"weak password": {given(ann, "123456789"), []string{"--no-input"}, 1, "password: "},
			"taken email": {given(" BOB@example.com", otherPassword), []string{"--no-input"}, 1,
				"latchkey: email: An account with this email address already exists."},
			"password given twice": {append(given(ann, otherPassword), "SUPERUSER_PASSWORD_FILE=x"), []string{"--no-input"}, 1,
				"SUPERUSER_PASSWORD is given twice"},
			"password as argument":  {with(url), []string{otherPassword}, 2, "a password is never"},
			"password as flag":      {with(url), []string{"--password=" + otherPassword}, 2, "a password is never"},
			"password as shorthand": {with(url), []string{"-p" + otherPassword}, 2, "a password is never"},
			"password as value":     {with(url), []string{"--no-input=" + otherPassword}, 2, "a password is never"},
		} {
			t.Run(name, func(t *testing.T) {
				done := run(t, c.environ, append([]string{"createsuperuser"}, c.args...)...)
				require.Equal(t, c.code, done.code, "%s", done.stderr)
				require.Empty(t, done.stdout)
				require.Contains(t, done.stderr, c.says)
				require.Equal(t, before, users(t, url))
			})
		}
	})
}

func TestChangePasswordWithoutATerminalRefuses(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, ann)
		before := users(t, url)
		for code, args := range map[int][][]string{
			1: {{ann}},
			2: {{}, {ann, otherPassword}, {ann, "--password=" + otherPassword}, {ann, "-p" + otherPassword}},
		} {
			for _, args := range args {
				done := run(t, with(url), append([]string{"changepassword"}, args...)...)
				require.Equal(t, code, done.code, "%s", done.stderr)
				require.Equal(t, before, users(t, url))
			}
		}
	})
}

func TestUserCommandsNeedACurrentSchema(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		environ := with(url, "AUTO_MIGRATE=false", "SUPERUSER_EMAIL="+ann, "SUPERUSER_PASSWORD="+otherPassword)
		for _, args := range [][]string{{"createsuperuser", "--no-input"}, {"promote", ann}, {"demote", ann}} {
			done := run(t, environ, args...)
			require.Equal(t, 1, done.code)
			require.Contains(t, done.stderr, "latchkey migrate up")
		}
	})
}

func TestPromoteAndDemote(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		rights := func(user models.User) [2]bool { return [2]bool{user.IsStaff, user.IsSuperuser} }
		every, none := [2]bool{true, true}, [2]bool{}
		addSuperuser(t, url, ann)
		addUser(t, url, bob)
		for _, step := range []struct {
			command, email string
			code           int
			says           string
			ann, bob       [2]bool
		}{
			{"demote", ann, 1, "ann@example.com: this is the last active superuser", every, none},
			{"promote", "nobody@example.com", 1, "nobody@example.com: no account has this email address", every, none},
			{"demote", "nobody@example.com", 1, "nobody@example.com: no account has this email address", every, none},
			{"demote", bob, 0, "bob@example.com is a plain user now.", every, none},
			{"promote", "Bob@Example.com", 0, "is a superuser now.", every, every},
			{"promote", bob, 0, "bob@example.com is a superuser now.", every, every},
			{"demote", ann, 0, "ann@example.com is a plain user now.", none, every},
			{"demote", bob, 1, "bob@example.com: this is the last active superuser", none, every},
		} {
			done := run(t, with(url), step.command, step.email)
			require.Equal(t, step.code, done.code, "%s %s: %s", step.command, step.email, done.stderr)
			require.Empty(t, done.stdout)
			require.Contains(t, done.stderr, step.says)
			found := users(t, url)
			require.Equal(t, [][2]bool{step.ann, step.bob}, [][2]bool{rights(found[0]), rights(found[1])})
			require.True(t, opens(t, found[0], testkit.Password) && opens(t, found[1], testkit.Password))
		}
	})
}
