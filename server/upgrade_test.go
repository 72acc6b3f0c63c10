package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

// additive are migrations as a release may bring them: what older programs use stays as it is, and each locks one table that
// they use.
var additive = []string{
	`ALTER TABLE users ADD COLUMN nickname varchar(50) NOT NULL DEFAULT '';`,
	`ALTER TABLE sessions ADD COLUMN color varchar(50) NULL;`,
	`ALTER TABLE audit_events ADD COLUMN weight integer NOT NULL DEFAULT 0;`,
	`ALTER TABLE login_throttles ADD COLUMN weight integer NOT NULL DEFAULT 0;`,
	`ALTER TABLE signing_keys ADD COLUMN weight integer NOT NULL DEFAULT 0;`,
	`CREATE TABLE pets (id integer PRIMARY KEY, user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE);`,
}

// visitors use one replica, one after the other, until they are told to leave. Meanwhile a prober asks whether it is ready.
type visitors struct {
	address string
	done    atomic.Int64 // visitors who got every response that they should
	stop    context.CancelFunc
	group   sync.WaitGroup
	failed  chan error // of a visitor and of the prober, at most one each
}

func visit(t *testing.T, name, address string) *visitors {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	v := &visitors{address: address, stop: stop, failed: make(chan error, 2)}
	t.Cleanup(v.group.Wait)
	t.Cleanup(stop)
	v.repeat(ctx, func() error {
		defer v.done.Add(1)
		return visitOnce(address, fmt.Sprintf("%s%d@example.com", name, v.done.Load()))
	})
	v.repeat(ctx, func() error {
		time.Sleep(10 * time.Millisecond) // as load balancers do between two probes
		return probe(address)
	})
	return v
}

func (v *visitors) repeat(ctx context.Context, do func() error) {
	v.group.Go(func() {
		for ctx.Err() == nil {
			if err := do(); err != nil {
				v.failed <- err
				return
			}
		}
	})
}

// visitOnce signs a user up, logs in, reads the profile and the sessions, refreshes and logs out. It fails unless every request
// is served.
func visitOnce(address, email string) error {
	var tokens testkit.Pair
	for _, step := range []struct {
		path string
		want int
		body func() string
	}{
		{"signup", http.StatusCreated, func() string { return testkit.Credentials(email) }},
		{"login", http.StatusOK, func() string { return testkit.Credentials(email) }},
		{"profile", http.StatusOK, func() string { return "" }},
		{"sessions", http.StatusOK, func() string { return "" }},
		{"token/refresh", http.StatusOK, func() string { return testkit.Refreshing(tokens.Refresh) }},
		{"logout", http.StatusNoContent, func() string { return testkit.Refreshing(tokens.Refresh) }},
	} {
		status, got, err := testkit.Ask(context.Background(), address, step.path, tokens.Access, step.body())
		if err != nil {
			return err
		}
		if status != step.want {
			return fmt.Errorf("%s: status %d, code %s", step.path, status, got.Code)
		}
		if got.Access != "" {
			tokens = got
		}
	}
	return nil
}

var errNotReady = errors.New("not ready")

// probe returns errNotReady with the response's code unless the replica is ready.
func probe(address string) error {
	response, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	var body struct{ Code string }
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return err
	}
	return fmt.Errorf("%w: status %d, code %s", errNotReady, response.StatusCode, body.Code)
}

// await waits until some more visitors were served.
func (v *visitors) await(t *testing.T) {
	t.Helper()
	const more = 5
	before := v.done.Load()
	require.Eventually(t, func() bool { return len(v.failed) > 0 || v.done.Load() >= before+more }, testkit.Patience, 5*time.Millisecond)
	if len(v.failed) > 0 {
		require.NoError(t, <-v.failed)
	}
}

// leave lets the last visitor finish. None of them may have failed.
func (v *visitors) leave(t *testing.T) {
	t.Helper()
	v.stop()
	v.group.Wait()
	close(v.failed)
	for err := range v.failed {
		require.NoError(t, err)
	}
}

func TestUpgrade_ReplicasServeThroughAnAdditiveMigrationAndLeaveAtAContractingOne(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		environ := testkit.Environ(url, "AUTO_MIGRATE=false")
		first, second := testkit.Serve(t, environ), testkit.Serve(t, environ)
		atFirst, atSecond := visit(t, "ann", first.Addr(t)), visit(t, "bob", second.Addr(t))
		atFirst.await(t)
		atSecond.await(t)

		expanded, number := database.Migrations(), int64(0)
		for _, statement := range additive {
			expanded, number = testkit.AddMigration(t, expanded, "expand", "-- +goose Up\n"+statement+"\n")
		}
		testkit.Migrate(t, url, expanded)
		atFirst.await(t)
		atSecond.await(t)

		atFirst.leave(t)
		require.NoError(t, first.Command.Process.Signal(syscall.SIGTERM))
		require.Zero(t, first.Wait(t), "%s", first.Output)
		first = testkit.Serve(t, environ)
		atFirst = visit(t, "cat", first.Addr(t))
		atFirst.await(t)
		atSecond.await(t)
		atFirst.leave(t)
		atSecond.leave(t)

		contracted, _ := testkit.AddMigration(t, expanded, "contract",
			fmt.Sprintf("-- +goose Up\nUPDATE schema_compatibility SET oldest = %d;\n", number))
		testkit.Migrate(t, url, contracted)
		for _, replica := range []*testkit.Process{first, second} {
			err := probe(replica.Addr(t))
			require.ErrorIs(t, err, errNotReady)
			require.ErrorContains(t, err, "status 503, code not_ready")
		}
		refused := testkit.Serve(t, environ)
		require.Equal(t, 1, refused.Wait(t))
		require.Contains(t, refused.Output.String(), "the database schema is newer than this program: it has migration ")
		require.Contains(t, refused.Output.String(), fmt.Sprintf("%d, which this program does not know, and can only be served by programs "+
			"that have migration %d; run the version that has it, or a newer one", number+1, number))
	})
}

// The next program is this one with one more migration.
func TestUpgrade_RollsReplicasToTheNextProgramAndBackUnderLoad(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the program once more; run without -short")
	}
	url := testkit.MigratedURL(t)
	next := buildNext(t)
	environ := testkit.Environ(url, "AUTO_MIGRATE=false")
	var replicas [2]*testkit.Process
	var at [2]*visitors
	for i := range replicas {
		replicas[i] = testkit.Serve(t, environ)
		at[i] = visit(t, fmt.Sprintf("before-%d-", i), replicas[i].Addr(t))
	}
	at[0].await(t)
	at[1].await(t)
	migrated := testkit.StartProgram(t, next, environ, "migrate", "up")
	require.Zero(t, migrated.Wait(t), "%s", migrated.Output)
	require.Contains(t, migrated.Output.String(), "applied 00099 next")
	for round, program := range []string{next, testkit.Built(t)} {
		for i := range replicas {
			at[i].leave(t) // as behind a load balancer, which sends no more requests to a replica that ends
			require.NoError(t, replicas[i].Command.Process.Signal(syscall.SIGTERM))
			require.Zero(t, replicas[i].Wait(t), "%s", replicas[i].Output)
			replicas[i] = testkit.StartProgram(t, program, testkit.FreePort(environ...), "serve")
			at[i] = visit(t, fmt.Sprintf("round-%d-%d-", round, i), replicas[i].Addr(t))
			at[0].await(t)
			at[1].await(t)
		}
	}
	at[0].leave(t)
	at[1].leave(t)
}

// buildNext builds the program with one more migration, number 99, and returns its path.
func buildNext(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	const text = "-- latchkey: expand\n-- +goose Up\nALTER TABLE users ADD COLUMN nickname varchar(50) NOT NULL DEFAULT '';\n"
	file, overlay := filepath.Join(folder, "next.sql"), filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	replace := map[string]string{}
	for _, dialect := range []string{database.SQLite, database.Postgres} {
		replace[filepath.Join(testkit.Sources, "database", "migrations", dialect, "00099_next.sql")] = file
	}
	content, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, content, 0o600))
	require.NoError(t, testkit.Build(testkit.Sources, folder, "-overlay", overlay))
	return filepath.Join(folder, "latchkey")
}
