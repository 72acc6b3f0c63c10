package database_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/testkit"
)

func TestMigrator_CheckEncoding(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]bool{"UTF8": false, "LATIN1": true, "SQL_ASCII": true} {
		err := encodingOf(t, testkit.DatabaseOfEncoding(t, name))
		require.Equal(t, refused, err != nil, name)
		if refused {
			require.ErrorContains(t, err, "has to be UTF8, and it is "+name)
		}
	}
	require.NoError(t, encodingOf(t, "sqlite:"+t.TempDir()+"/a.db"))
}

func encodingOf(t *testing.T, url string) error {
	t.Helper()
	migrator, err := database.NewMigrator(url, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer func() { require.NoError(t, migrator.Close()) }()
	return migrator.CheckEncoding(t.Context())
}

func TestClockDifference_CountsWhatTheWayDoesNotExplain(t *testing.T) {
	t.Parallel()
	testkit.EachDB(t, func(t *testing.T, db *gorm.DB) {
		for _, off := range []time.Duration{0, -time.Hour, time.Hour} {
			now := func() time.Time { return time.Now().Add(off) }
			difference, err := database.ClockDifference(t.Context(), db, now)
			require.NoError(t, err)
			if database.Dialect(db) == database.SQLite {
				require.Zero(t, difference)
				continue
			}
			require.InDelta(t, off.Seconds(), difference.Seconds(), testkit.Patience.Seconds())
			if off == 0 {
				require.Zero(t, difference, "both clocks are this machine's")
			}
		}
	})
}

func TestReadReplication(t *testing.T) {
	t.Parallel()
	url := testkit.Cluster(t).URL("postgres")
	for setting, durable := range map[string]bool{"off": false, "local": true, "on": true} {
		read, err := database.ReadReplication(t.Context(), testkit.OpenAt(t, url+"&synchronous_commit="+setting))
		require.NoError(t, err)
		require.Equal(t, database.Replication{Commit: setting}, read)
		require.Equal(t, durable, read.IsDurable())
	}
	for replication, waits := range map[database.Replication]bool{
		{Standbys: 1, Commit: "on"}:                            false,
		{Standbys: 1, Commit: "local", Names: "ANY 1 (*)"}:     false,
		{Standbys: 1, Commit: "on", Names: "ANY 1 (*)"}:        true,
		{Standbys: 1, Commit: "remote_apply", Names: "s1, s2"}: true,
	} {
		require.Equal(t, waits, replication.WaitsForStandby(), "%+v", replication)
	}
}

func TestLosesStatements(t *testing.T) {
	t.Parallel()
	direct, err := testkit.Cluster(t).CreateDatabase(t.Context())
	require.NoError(t, err)
	losing := func(url string) bool {
		lost, err := database.LosesStatements(t.Context(), url)
		require.NoError(t, err)
		return lost
	}
	require.False(t, losing(direct))
	require.False(t, losing(testkit.PgBouncer(t, direct, "session")))
	pooled := testkit.PgBouncer(t, direct, "transaction")
	require.True(t, losing(pooled))
	require.True(t, losing(pooled), "the first try left nothing behind")
	require.True(t, losing(pooled+"&default_query_exec_mode=describe_exec"))
	for _, mode := range []string{"exec", "simple_protocol", "cache_describe"} {
		require.False(t, losing(pooled+"&default_query_exec_mode="+mode), mode)
	}
}

func TestMigrator_Up_RefusesAPoolerThatSharesConnections(t *testing.T) {
	t.Parallel()
	direct, err := testkit.Cluster(t).CreateDatabase(t.Context())
	require.NoError(t, err)
	up := func(url string) error {
		migrator, err := database.NewMigrator(url, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		defer migrator.Close()
		_, err = migrator.Up(t.Context())
		return err
	}
	require.ErrorIs(t, up(testkit.PgBouncer(t, direct, "transaction")+"&default_query_exec_mode=exec"), database.ErrPooled)
	require.NoError(t, up(testkit.PgBouncer(t, direct, "session")))
}
