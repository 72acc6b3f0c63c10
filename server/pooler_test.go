package server_test

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

func TestServer_RunsThroughAPoolerInTransactionMode(t *testing.T) {
	t.Parallel()
	url, err := testkit.Cluster(t).CreateDatabase(t.Context())
	require.NoError(t, err)
	testkit.Serve(t, testkit.Environ(url, "AUTO_MIGRATE=true")).Addr(t) // migrated without the pooler
	pooled := testkit.PgBouncer(t, url, "transaction") + "&default_query_exec_mode=exec"
	address := testkit.Serve(t, testkit.Environ(pooled)).Addr(t)
	const clients, rounds = 8, 6
	var failed atomic.Int64
	var group sync.WaitGroup
	for client := range clients {
		group.Go(func() {
			email := "c" + strconv.Itoa(client) + "@example.com"
			status, pair, err := testkit.Ask(context.Background(), address, "signup", "", testkit.Credentials(email))
			for range rounds {
				if err != nil || status >= http.StatusInternalServerError {
					failed.Add(1)
					return
				}
				status, pair, err = testkit.Ask(context.Background(), address, "token/refresh", "", testkit.Refreshing(pair.Refresh))
			}
		})
	}
	group.Wait()
	require.Zero(t, failed.Load())
}
