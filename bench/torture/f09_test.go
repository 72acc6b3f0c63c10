package torture

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"latchkey/testkit"
)

// One of three replicas is killed under load, again and again. The others go on, and what the killed one acknowledged holds.
func TestF9_AKilledReplicaLosesNothing(t *testing.T) {
	beside(t)
	server := newPostgres(t)
	url := server.url("latchkey")
	replicas := []*replica{newReplica(t, url), newReplica(t, url), newReplica(t, url)}
	load := newLoad(t, f9Rate, replicas[0].addr, replicas[1].addr, replicas[2].addr)
	var longest time.Duration
	load.during(func() {
		for i := range f9Kills {
			time.Sleep(time.Second/2 + time.Duration(rand.Int64N(int64(time.Second/2))))
			victim := replicas[i%len(replicas)]
			victim.kill(t)
			began := time.Now()
			victim.start(t)
			longest = max(longest, time.Since(began))
		}
	})
	result := check(t, testkit.OpenAt(t, url), replicas[0].addr, load.ledger)
	server.amcheck(t)
	load.ledger.requireOnlyUnavailable(t)
	within(t, 2*time.Second, longest, "it starts again")
	summarize(t, fmt.Sprintf("F9 %d kills of one of three replicas, %v, %v, ready again after %.1f s at most",
		f9Kills, result, load.ledger, longest.Seconds()))
}
