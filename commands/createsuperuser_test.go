package commands_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func superuserReplies(email, password, again string) []reply {
	return []reply{
		{"Email address: ", email + "\r"}, {"First name: ", "Ann\r"}, {"Last name: ", "Bee\r"},
		{"Password: ", password + "\r"}, {"Password (again): ", again + "\r"},
	}
}

func TestCreateSuperuser_Asks(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		done := runAtTerminal(t, with(url), []string{"createsuperuser"},
			superuserReplies("Ann@Example.com", testkit.Password, testkit.Password)...)
		require.Zero(t, done.code, "%s", done.stderr)
		require.Contains(t, done.stderr, "Email address: Ann@Example.com")
		require.Contains(t, done.stderr, "Superuser ann@example.com is created.")
		found := users(t, url)
		require.Len(t, found, 1)
		require.Equal(t, "Ann Bee", found[0].FullName())
		require.True(t, found[0].IsSuperuser && found[0].IsStaff && found[0].IsActive)
		require.True(t, opens(t, found[0], testkit.Password))
	})
}

func TestCreateSuperuser_RefusesAndCreatesNobody(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		addUser(t, url, bob)
		before := users(t, url)
		for name, c := range map[string]struct {
			email, password, again, says string
		}{
			"mismatch":        {ann, testkit.Password, otherPassword, "the two passwords are not the same"},
			"weak password":   {ann, "123456789", "123456789", "password: "},
			"like the email":  {ann, "ann@example.com", "ann@example.com", "password: "},
			"no password":     {ann, "", "", "password: This field is required."},
			"malformed email": {"ann", testkit.Password, testkit.Password, "email: "},
			"taken email":     {"BOB@example.com", testkit.Password, testkit.Password, "email: An account with this email address already exists."},
		} {
			t.Run(name, func(t *testing.T) {
				done := runAtTerminal(t, with(url), []string{"createsuperuser"}, superuserReplies(c.email, c.password, c.again)...)
				require.Equal(t, 1, done.code)
				require.Contains(t, done.stderr, "latchkey: "+c.says)
				require.NotContains(t, done.stderr, "123456789")
				require.Equal(t, before, users(t, url))
			})
		}
	})
}

func TestCreateSuperuser_FromTheSettings(t *testing.T) {
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

func TestCreateSuperuser_RefusesWithoutATerminal(t *testing.T) {
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
				"standard input is not a terminal to ask at; use --no-input with SUPERUSER_EMAIL and SUPERUSER_PASSWORD"},
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
