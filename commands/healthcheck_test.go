package commands_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestHealthcheck_AsksTheServer(t *testing.T) {
	t.Parallel()
	url, _ := sqliteAt(t)
	server := testkit.Serve(t, with(url, "AUTO_MIGRATE=true"))
	environ := []string{"APP_ENV=production", "ADDR=" + server.Addr(t)} // and no SECRET_KEY
	require.Equal(t, outcome{0, "", "ready\n"}, run(t, environ, "healthcheck"))
	require.Equal(t, outcome{0, "", "alive\n"}, run(t, environ, "healthcheck", "--live"))
	require.NoError(t, server.Command.Process.Kill())
	<-server.Ended
	for _, args := range [][]string{{"healthcheck"}, {"healthcheck", "--live"}} {
		done := run(t, environ, args...)
		require.Equal(t, 1, done.code)
		require.Regexp(t, "^latchkey: not (ready|alive): .*refused\n$", done.stderr)
	}
	wrong := run(t, []string{"ADDR=nowhere"}, "healthcheck")
	require.Equal(t, 1, wrong.code)
	require.Contains(t, wrong.stderr, "ADDR is \"nowhere\"")
}

func TestHealthcheck_TellsLiveFromReady(t *testing.T) {
	t.Parallel()
	url, err := testkit.Cluster(t).CreateDatabase(t.Context())
	require.NoError(t, err)
	server := testkit.Serve(t, with(url, "AUTO_MIGRATE=true"))
	environ := []string{"ADDR=" + server.Addr(t)}
	require.Zero(t, run(t, environ, "healthcheck").code)
	require.NoError(t, testkit.OpenAt(t, url).Exec("ALTER TABLE goose_db_version RENAME TO hidden").Error)
	done := run(t, environ, "healthcheck")
	require.Equal(t, 1, done.code)
	require.Contains(t, done.stderr, "/readyz responded with 503")
	require.Zero(t, run(t, environ, "healthcheck", "--live").code)
}
