package torture

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// Two hundred requests at once share two connections. Each gets its turn: none waits for one that waits for it.
func TestF4_AnExhaustedPoolServesEverybodyInTurn(t *testing.T) {
	beside(t)
	testkit.EachURL(t, func(t *testing.T, url string) {
		service := newReplica(t, url, "DB_MAX_OPEN_CONNS=2")
		load := newLoad(t, 0, service.addr)
		const burst = 200
		for range burst / 4 {
			load.do(time.Now(), signup, service.addr)
		}
		var running sync.WaitGroup
		for i := range burst {
			running.Go(func() { load.do(time.Now(), load.operations[i%len(load.operations)], service.addr) })
		}
		running.Wait()
		result := check(t, testkit.OpenAt(t, url), service.addr, load.ledger)
		load.ledger.requireOnlyUnavailable(t)
		within(t, 5200*time.Millisecond, load.ledger.longest, "the longest response")
		require.Equal(t, http.StatusOK, probe(service.addr, "/readyz", hangs))
		summarize(t, fmt.Sprintf("F4 %d requests at once on 2 connections (%s), %v, %v", burst, t.Name()[len("TestF4_"):], result, load.ledger))
	})
}
