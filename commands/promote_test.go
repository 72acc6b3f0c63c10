package commands_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/testkit"
)

func TestPromote_AndDemote(t *testing.T) {
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
