package commands_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"latchkey/jobs"
	"latchkey/testkit"
)

func TestMail_ListAndRetry(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		environ := with(url)
		require.Zero(t, run(t, environ, "migrate", "up").code)
		db := testkit.OpenAt(t, url)
		pool, err := db.DB()
		require.NoError(t, err)
		queue, err := jobs.NewQueue(jobs.Options{
			DB: pool, Dialect: db.Name(), Log: slog.New(slog.DiscardHandler), Now: testkit.NewClock().Now,
		})
		require.NoError(t, err)
		user := uuid.Must(uuid.NewV7())
		for range 2 {
			tx, err := pool.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			require.NoError(t, queue.Add(t.Context(), tx, jobs.Mail{Message: "verify_email", UserID: user}))
			require.NoError(t, tx.Commit())
		}
		refused := func(context.Context, jobs.Mail) error {
			return jobs.Permanent(errors.New("the mail server refused it"))
		}
		require.NoError(t, queue.Drain(t.Context(), jobs.Work{Mail: refused}))

		list := run(t, environ, "mail", "list")
		require.Zero(t, list.code, list.stderr)
		require.Equal(t, 3, strings.Count(list.stdout, "\n"), list.stdout)
		require.Regexp(t, `1 +verify_email +`+user.String()+` +dead +1 +- +.*the mail server refused it`, list.stdout)
		require.Contains(t, run(t, environ, "mail", "list", "--json").stdout, `"state":"dead","tries":1`)

		require.Zero(t, run(t, environ, "mail", "retry", "1").code)
		require.Contains(t, run(t, environ, "mail", "list").stdout, "failing")
		require.Contains(t, run(t, environ, "mail", "retry", "--all-dead").stderr, "Will be tried again: 1.")
		require.NotContains(t, run(t, environ, "mail", "list").stdout, "dead")

		unknown := run(t, environ, "mail", "retry", "4711")
		require.Equal(t, 1, unknown.code)
		require.Contains(t, unknown.stderr, "4711: there is no such unsent mail")
		for _, misuse := range [][]string{{"retry"}, {"retry", "one"}, {"retry", "--all-dead", "1"}, {"list", "1"}, {}} {
			require.Equal(t, 2, run(t, environ, append([]string{"mail"}, misuse...)...).code, misuse)
		}
	})
}
