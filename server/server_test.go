package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/models"
	"latchkey/testkit"
)

// replicas starts n servers on one migrated database, and returns their addresses. Settings are NAME=value.
func replicas(t *testing.T, url string, n int, settings ...string) (addresses []string) {
	t.Helper()
	environ := testkit.Environ(url, append([]string{"AUTO_MIGRATE=true"}, settings...)...)
	servers := make([]*testkit.Process, n)
	for i := range servers {
		servers[i] = testkit.Serve(t, environ)
	}
	for _, server := range servers {
		addresses = append(addresses, server.Addr(t))
	}
	return addresses
}

func TestServer_FiftyRefreshesThroughThreeReplicasAgreeOnOneChild(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		addresses := replicas(t, url, 3)
		parent := testkit.MustAsk(t, 201, addresses[0], "signup", "", testkit.Credentials(ann))
		const racers = 50
		children := make([]string, racers)
		errs := make([]error, racers)
		var group sync.WaitGroup
		for i := range racers {
			group.Go(func() {
				status, got, err := testkit.Ask(context.Background(), addresses[i%3], "token/refresh", "", testkit.Refreshing(parent.Refresh))
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("status %d, code %s", status, got.Code)
				}
				children[i], errs[i] = got.Refresh, err
			})
		}
		group.Wait()
		for i := range racers {
			require.NoError(t, errs[i])
			require.Equal(t, children[0], children[i])
		}
		testkit.MustAsk(t, 200, addresses[1], "token/refresh", "", testkit.Refreshing(children[0]))
	})
}

func TestServer_ASessionEndedAtOneReplicaIsOverAtTheOthersAtOnce(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		addresses := replicas(t, url, 2)
		tokens := testkit.MustAsk(t, 201, addresses[0], "signup", "", testkit.Credentials(ann))
		testkit.MustAsk(t, 200, addresses[1], "profile", tokens.Access, "")
		verifying := `{"token":"` + tokens.Access + `"}`
		require.True(t, testkit.MustAsk(t, 200, addresses[1], "token/verify", "", verifying).Active)
		testkit.MustAsk(t, 204, addresses[0], "logout", tokens.Access, `{}`)
		require.False(t, testkit.MustAsk(t, 200, addresses[1], "token/verify", "", verifying).Active)
		require.Equal(t, "session_revoked", testkit.MustAsk(t, 401, addresses[1], "profile", tokens.Access, "").Code)
		require.Equal(t, "session_revoked", testkit.MustAsk(t, 401, addresses[1], "token/refresh", "", testkit.Refreshing(tokens.Refresh)).Code)
	})
}

// The connection is cut when the refresh is committed and its response has not been read. The phone tries again: within the
// grace period it gets the same child, and later another one, after which using the first counts as reuse.
func TestServer_ARefreshWhoseResponseIsLostContinues(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		address := replicas(t, url, 1)[0]
		parent := testkit.MustAsk(t, 201, address, "signup", "", testkit.Credentials(ann))
		db := testkit.OpenAt(t, url)
		connection, err := net.Dial("tcp", address)
		require.NoError(t, err)
		body := testkit.Refreshing(parent.Refresh)
		_, err = fmt.Fprintf(connection, "POST /api/v1/token/refresh HTTP/1.1\r\nHost: localhost\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			var session models.Session
			return db.Take(&session).Error == nil && session.Generation == 1
		}, testkit.Patience, 2*time.Millisecond, "the commit")
		require.NoError(t, connection.Close())

		child := testkit.MustAsk(t, 200, address, "token/refresh", "", testkit.Refreshing(parent.Refresh))
		again := testkit.MustAsk(t, 200, address, "token/refresh", "", testkit.Refreshing(parent.Refresh))
		require.Equal(t, child.Refresh, again.Refresh)

		past := time.Now().UTC().Add(-time.Hour)
		require.NoError(t, db.Model(&models.Session{}).Where("TRUE").Update("redeemed_at", past).Error)
		another := testkit.MustAsk(t, 200, address, "token/refresh", "", testkit.Refreshing(parent.Refresh))
		require.NotEqual(t, child.Refresh, another.Refresh)
		require.Equal(t, "refresh_token_reused", testkit.MustAsk(t, 401, address, "token/refresh", "", testkit.Refreshing(child.Refresh)).Code)
		require.Equal(t, "session_revoked", testkit.MustAsk(t, 401, address, "token/refresh", "", testkit.Refreshing(another.Refresh)).Code)
	})
}

// phone refreshes a session as fast as it can, until the server no longer responds. It returns the newest pair that it
// received completely, and errRefused if the server refused one.
func phone(address string, kept testkit.Pair) (testkit.Pair, error) {
	for {
		status, got, err := testkit.Ask(context.Background(), address, "token/refresh", "", testkit.Refreshing(kept.Refresh))
		if err != nil {
			return kept, nil //nolint:nilerr // the connection broke, as it is meant to
		}
		if status != http.StatusOK {
			return kept, fmt.Errorf("%w: status %d, code %s", errRefused, status, got.Code)
		}
		kept = got
	}
}

func TestServer_KilledLosesNoAcknowledgedSession(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		environ := testkit.Environ(url, "AUTO_MIGRATE=true")
		server := testkit.Serve(t, environ)
		address := server.Addr(t)
		const phones = 8
		kept := make([]testkit.Pair, phones)
		for i := range phones { // one after the other, so that none is refused because the others hash
			kept[i] = testkit.MustAsk(t, 201, address, "signup", "", testkit.Credentials(fmt.Sprintf("phone%d@example.com", i)))
		}
		errs := make([]error, phones)
		var stopped atomic.Int32
		var group sync.WaitGroup
		for i := range phones {
			group.Go(func() {
				defer stopped.Add(1)
				kept[i], errs[i] = phone(address, kept[i])
			})
		}
		db := testkit.OpenAt(t, url)
		require.Eventually(t, func() bool {
			var busy int64
			err := db.Model(&models.Session{}).Where("generation > 3").Count(&busy).Error
			return stopped.Load() > 0 || err == nil && busy == phones
		}, testkit.Patience, 5*time.Millisecond, "every phone refreshes")
		running := stopped.Load() == 0
		require.NoError(t, server.Command.Process.Kill())
		group.Wait()
		require.NoError(t, errors.Join(errs...))
		require.True(t, running, "every phone refreshes until the server is killed")

		address = testkit.Serve(t, environ).Addr(t)
		for i := range phones {
			testkit.MustAsk(t, 200, address, "profile", kept[i].Access, "")
			testkit.MustAsk(t, 200, address, "token/refresh", "", testkit.Refreshing(kept[i].Refresh))
		}
	})
}

// errRefused means that a server responded to an honest request with anything but success.
var errRefused = errors.New("an honest request was refused")

const sessionsOfADevice = 3

// device opens several sessions and refreshes them in turn, until its server is gone or ctx is done. It returns the newest
// pair of each session that was acknowledged, and the error that stopped it.
func device(ctx context.Context, address, email string) (kept []testkit.Pair, stopped error) {
	for i := 0; ; i++ {
		path, body, want := "login", testkit.Credentials(email), http.StatusOK
		switch {
		case i == 0:
			path, want = "signup", http.StatusCreated
		case i >= sessionsOfADevice:
			path, body = "token/refresh", testkit.Refreshing(kept[i%sessionsOfADevice].Refresh)
		}
		status, got, err := testkit.Ask(ctx, address, path, "", body)
		switch {
		case err != nil:
			return kept, err
		case status != want:
			return kept, fmt.Errorf("%w: %s: status %d, code %s", errRefused, path, status, got.Code)
		case i < sessionsOfADevice:
			kept = append(kept, got)
		default:
			kept[i%sessionsOfADevice] = got
		}
	}
}

// One of three replicas is killed under load. The devices of the others don't notice, and every session of the killed one
// continues at the survivors and at its successor.
func TestServer_AKilledReplicaLosesNoAcknowledgedSession(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		environ := testkit.Environ(url, "AUTO_MIGRATE=true")
		victim := testkit.Serve(t, environ)
		addresses := append([]string{victim.Addr(t)}, replicas(t, url, 2)...)
		const devices = 6
		kept := make([][]testkit.Pair, devices)
		stopped := make([]error, devices)
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		t.Cleanup(group.Wait)
		t.Cleanup(stop)
		for i := range devices {
			group.Go(func() {
				kept[i], stopped[i] = device(ctx, addresses[i%3], fmt.Sprintf("device%d@example.com", i))
				if errors.Is(stopped[i], errRefused) {
					stop() // nothing more to wait for
				}
			})
		}
		db := testkit.OpenAt(t, url)
		refreshed := func(times uint32) bool {
			var busy int64
			err := db.Model(&models.Session{}).Where("generation >= ?", times).Count(&busy).Error
			return err == nil && busy == devices*sessionsOfADevice
		}
		require.Eventually(t, func() bool { return ctx.Err() != nil || refreshed(2) }, testkit.Patience, 5*time.Millisecond, "every device refreshes")
		require.NoError(t, victim.Command.Process.Kill())
		victim.Wait(t)
		atSurvivors := refreshesOf(t, db)
		require.Eventually(t, func() bool { return ctx.Err() != nil || refreshesOf(t, db) > atSurvivors+20 },
			testkit.Patience, 5*time.Millisecond, "the others continue")
		stop()
		group.Wait()

		for i := range devices {
			require.NotErrorIs(t, stopped[i], errRefused)
			if i%3 != 0 {
				require.ErrorIs(t, stopped[i], context.Canceled, "a survivor's device continues until it is stopped")
			}
		}
		addresses[0] = testkit.Serve(t, environ).Addr(t)
		for i := range devices {
			require.Len(t, kept[i], sessionsOfADevice)
			for _, session := range kept[i] {
				continuesAt(t, session, addresses)
			}
		}
	})
}

// refreshesOf returns how many refreshes were committed.
func refreshesOf(t *testing.T, db *gorm.DB) (sum int64) {
	t.Helper()
	require.NoError(t, db.Model(&models.Session{}).Select("sum(generation)").Scan(&sum).Error)
	return sum
}

// continuesAt checks that every replica accepts the access token of an acknowledged session, and that all return the same
// child for its refresh token.
func continuesAt(t *testing.T, session testkit.Pair, addresses []string) {
	t.Helper()
	children := map[string]bool{}
	for _, address := range addresses {
		testkit.MustAsk(t, 200, address, "profile", session.Access, "")
		children[testkit.MustAsk(t, 200, address, "token/refresh", "", testkit.Refreshing(session.Refresh)).Refresh] = true
	}
	require.Len(t, children, 1)
}

// The network swallows a response that the server has sent completely. Retries, at any replica, get the same tokens.
func TestServer_ARetryGetsTheTokensThatWereLost(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		addresses := replicas(t, url, 2)
		parent := testkit.MustAsk(t, 201, addresses[0], "signup", "", testkit.Credentials(ann))
		swallowed := make(chan string, 1)
		network := swallowing(t, addresses[0], swallowed)
		_, _, err := testkit.Ask(t.Context(), network, "token/refresh", "", testkit.Refreshing(parent.Refresh))
		require.Error(t, err, "the response is lost")
		var lost testkit.Pair
		require.NoError(t, json.Unmarshal([]byte(<-swallowed), &lost))
		for _, address := range addresses {
			retried := testkit.MustAsk(t, 200, address, "token/refresh", "", testkit.Refreshing(parent.Refresh))
			require.Equal(t, lost.Refresh, retried.Refresh)
		}
	})
}

// swallowing returns the address of a network that forwards one request to a server, sends the body of the response to
// swallowed instead of the client, and cuts the connection.
func swallowing(t *testing.T, server string, swallowed chan<- string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		defer close(swallowed)
		client, err := listener.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		upstream, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		defer upstream.Close()
		go func() { _, _ = io.Copy(upstream, client) }()
		response, err := http.ReadResponse(bufio.NewReader(upstream), nil)
		if err != nil {
			return
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); err == nil {
			swallowed <- string(body)
		}
	}()
	return listener.Addr().String()
}

func TestServer_WithAnotherSecretKeyNeedsTheOldAsFallback(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		old := testkit.Serve(t, testkit.Environ(url, "AUTO_MIGRATE=true"))
		tokens := testkit.MustAsk(t, 201, old.Addr(t), "signup", "", testkit.Credentials(ann))
		const newKey = "kR7pW3nXs9QvB2tYfJ6mZcL0dGhA4eUiO8rTqMxVwKE="
		changed := []string{"DATABASE_URL=" + url, "SECRET_KEY=" + newKey}

		without := testkit.Serve(t, changed)
		require.Equal(t, 1, without.Wait(t))
		require.Contains(t, without.Output.String(), "sealed under another SECRET_KEY")

		address := testkit.Serve(t, append(changed, "SECRET_KEY_FALLBACKS="+testkit.ProgramSecretKey, "AUTO_MIGRATE=true")).Addr(t)
		testkit.MustAsk(t, 200, address, "profile", tokens.Access, "")
		child := testkit.MustAsk(t, 200, address, "token/refresh", "", testkit.Refreshing(tokens.Refresh))
		testkit.MustAsk(t, 200, address, "token/refresh", "", testkit.Refreshing(child.Refresh))
		require.NotEqual(t, tokens.Refresh, child.Refresh)
	})
}
