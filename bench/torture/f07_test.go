//go:build torture

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

// threeReplicas starts three replicas on one database.
func threeReplicas(t *testing.T, settings ...string) (server *postgres, replicas []*replica) {
	t.Helper()
	server = newPostgres(t)
	for range 3 {
		replicas = append(replicas, newReplica(t, server.url("latchkey"), settings...))
	}
	return server, replicas
}

// A hundred clients refresh one session at once, through three replicas. All get the same tokens. If it is logged out in the
// middle, no token survives.
func TestF7_RacingRefreshesAgree(t *testing.T) {
	server, replicas := threeReplicas(t)
	const racers = 100
	pair := ask(replicas[0].addr, http.MethodPost, "signup", "", testkit.Credentials("ann@example.com")).pair
	for range f7Rounds {
		children := race(pair.Refresh, replicas, racers)
		for _, child := range children {
			require.Equal(t, http.StatusOK, child.status, child.code)
			require.Equal(t, children[0].pair.Refresh, child.pair.Refresh)
		}
		pair = children[0].pair
	}
	requireWhole(t, testkit.OpenAt(t, server.url("latchkey")))
	survivors := 0
	for range f7Rounds {
		session := ask(replicas[0].addr, http.MethodPost, "login", "", testkit.Credentials("ann@example.com")).pair
		var children []response
		var running sync.WaitGroup
		running.Go(func() { children = race(session.Refresh, replicas, racers) })
		require.Equal(t, http.StatusNoContent, ask(replicas[1].addr, http.MethodPost, "logout", session.Access, `{}`).status)
		running.Wait()
		for _, child := range children {
			if child.status != http.StatusOK {
				require.Equal(t, "session_revoked", child.code)
				continue
			}
			if ask(replicas[2].addr, http.MethodPost, "token/refresh", "", testkit.Refreshing(child.pair.Refresh)).status == http.StatusOK {
				survivors++
			}
		}
	}
	require.Zero(t, survivors)
	summarize(t, fmt.Sprintf("F7 %d rounds of %d refreshes of one token through three replicas: all 200 with one child; %d rounds with a logout in the middle: 0 survivors",
		f7Rounds, racers, f7Rounds))
}

// race refreshes one token as often as racers says, at once, through all replicas.
func race(token string, replicas []*replica, racers int) []response {
	got := make([]response, racers)
	var running sync.WaitGroup
	for i := range racers {
		running.Go(func() {
			got[i] = ask(replicas[i%len(replicas)].addr, http.MethodPost, "token/refresh", "", testkit.Refreshing(token))
		})
	}
	running.Wait()
	return got
}

// The network cuts the connection before the first byte of a refresh's response, or in the middle of it. The client tries again and
// is still logged in; how long after makes no difference: TestServer_ARefreshWhoseResponseIsLostContinues.
func TestF8_ALostResponseLogsNobodyOut(t *testing.T) {
	server, replicas := threeReplicas(t)
	network := newProxy(t, replicas[0].addr)
	lost := 0
	for i := range f8Sessions {
		email := fmt.Sprintf("phone%d@example.com", i)
		pair := ask(replicas[0].addr, http.MethodPost, "signup", "", testkit.Credentials(email)).pair
		network.cutAfter([]int{0, 1, 200, 900}[i%4])
		got := requester{patient(hangs), network.addr, time.Now()}.send(http.MethodPost, "token/refresh", "", testkit.Refreshing(pair.Refresh))
		if got.err != nil {
			lost++
		}
		retried := ask(replicas[1+i%2].addr, http.MethodPost, "token/refresh", "", testkit.Refreshing(pair.Refresh))
		require.Equal(t, http.StatusOK, retried.status, retried.code)
	}
	require.Greater(t, lost, f8Sessions/2)
	requireWhole(t, testkit.OpenAt(t, server.url("latchkey")))
	summarize(t, fmt.Sprintf("F8 %d refreshes, of which %d lost their response: %d of %d go on with a retry at another replica", f8Sessions, lost, f8Sessions, f8Sessions))
}

// Two hundred sign-ups of one email at once, through three replicas, make one account; and once an account is disabled, no token is
// issued, however many refreshes race with it.
func TestF18_RacingActsEndAsIfOneAfterTheOther(t *testing.T) {
	server, replicas := threeReplicas(t)
	const racers = 200
	for round := range f18Rounds {
		email := fmt.Sprintf("ann%d@example.com", round)
		made := make([]response, racers)
		var running sync.WaitGroup
		for i := range racers {
			running.Go(func() { made[i] = ask(replicas[i%3].addr, http.MethodPost, "signup", "", testkit.Credentials(email)) })
		}
		running.Wait()
		pair := onlyOne(t, made)
		stop := make(chan struct{})
		var children []string
		running.Go(func() { children = chain(pair.Refresh, replicas, stop) })
		require.Zero(t, testkit.Start(t, replicas[0].environ, "deactivate", email).Wait(t))
		close(stop)
		running.Wait()
		for _, child := range children[max(0, len(children)-3):] {
			got := ask(replicas[round%3].addr, http.MethodPost, "token/refresh", "", testkit.Refreshing(child))
			require.NotEqual(t, http.StatusOK, got.status, "a token is issued for a disabled account")
		}
	}
	requireWhole(t, testkit.OpenAt(t, server.url("latchkey")))
	summarize(t, fmt.Sprintf("F18 %d rounds of %d sign-ups of one email at once: one account each; disabled while it refreshes: 0 tokens afterwards", f18Rounds, racers))
}

// onlyOne returns the tokens of the one sign-up that succeeded.
func onlyOne(t *testing.T, made []response) (pair testkit.Pair) {
	t.Helper()
	created := 0
	for _, got := range made {
		if got.status == http.StatusCreated {
			created, pair = created+1, got.pair
			continue
		}
		require.Equal(t, http.StatusBadRequest, got.status, got.code)
	}
	require.Equal(t, 1, created)
	return pair
}

// chain refreshes again and again until it is refused or stopped, and returns every token that it got.
func chain(token string, replicas []*replica, stop <-chan struct{}) (all []string) {
	all = []string{token}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return all
		default:
		}
		got := ask(replicas[i%3].addr, http.MethodPost, "token/refresh", "", testkit.Refreshing(all[len(all)-1]))
		if got.status != http.StatusOK {
			return all
		}
		all = append(all, got.pair.Refresh)
	}
}
