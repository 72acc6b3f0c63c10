package commands_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
	"latchkey/models"
	"latchkey/testkit"
)

// pair is what an app keeps of a session.
type pair struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Code    string `json:"code"`   // of a refusal
	Active  bool   `json:"active"` // of token/verify
}

// call sends a request with a JSON body and reads the answer whole: what it gives back without an error is acknowledged.
func call(ctx context.Context, address, path, token, body string) (status int, got pair, err error) {
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+"/api/v1/"+path, bytes.NewBufferString(body))
	if err != nil {
		return 0, got, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, got, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || len(text) == 0 {
		return answer.StatusCode, got, err
	}
	return answer.StatusCode, got, json.Unmarshal(text, &got)
}

func mustCall(t *testing.T, want int, address, path, token, body string) pair {
	t.Helper()
	status, got, err := call(t.Context(), address, path, token, body)
	require.NoError(t, err)
	require.Equal(t, want, status, "%s: %s", path, got.Code)
	return got
}

func refreshing(token string) string { return `{"refresh_token":"` + token + `"}` }

// replicas starts n servers on one migrated database. Settings are NAME=value.
func replicas(t *testing.T, url string, n int, settings ...string) (addresses []string) {
	t.Helper()
	environ := with(url, append([]string{"AUTO_MIGRATE=true"}, settings...)...)
	servers := make([]*process, n)
	for i := range servers {
		servers[i] = serve(t, environ)
	}
	for _, server := range servers {
		addresses = append(addresses, server.addr(t))
	}
	return addresses
}

func openAt(t *testing.T, url string) *gorm.DB {
	t.Helper()
	db, err := database.Open(url, database.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = database.Close(db) })
	return db
}

func TestFiftyRefreshesThroughThreeReplicasAgreeOnOneChild(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		addresses := replicas(t, url, 3)
		parent := mustCall(t, 201, addresses[0], "signup", "", credentials(ann))
		const racers = 50
		children := make([]string, racers)
		errs := make([]error, racers)
		var group sync.WaitGroup
		for i := range racers {
			group.Go(func() {
				status, got, err := call(context.Background(), addresses[i%3], "token/refresh", "", refreshing(parent.Refresh))
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("answered %d %s", status, got.Code)
				}
				children[i], errs[i] = got.Refresh, err
			})
		}
		group.Wait()
		for i := range racers {
			require.NoError(t, errs[i])
			require.Equal(t, children[0], children[i])
		}
		mustCall(t, 200, addresses[1], "token/refresh", "", refreshing(children[0]))
	})
}

func TestASessionEndedAtOneReplicaIsOverAtTheOthersAtOnce(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		addresses := replicas(t, url, 2)
		tokens := mustCall(t, 201, addresses[0], "signup", "", credentials(ann))
		mustCall(t, 200, addresses[1], "profile", tokens.Access, "")
		verifying := `{"token":"` + tokens.Access + `"}`
		require.True(t, mustCall(t, 200, addresses[1], "token/verify", "", verifying).Active)
		mustCall(t, 204, addresses[0], "logout", tokens.Access, `{}`)
		require.False(t, mustCall(t, 200, addresses[1], "token/verify", "", verifying).Active)
		require.Equal(t, "session_revoked", mustCall(t, 401, addresses[1], "profile", tokens.Access, "").Code)
		require.Equal(t, "session_revoked", mustCall(t, 401, addresses[1], "token/refresh", "", refreshing(tokens.Refresh)).Code)
	})
}

// The connection is cut when the refresh is committed and its answer has not been read. The phone tries again: within the
// grace it gets the same child, and later another one, which makes the first a trap.
func TestARefreshWhoseAnswerIsLostGoesOn(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		address := replicas(t, url, 1)[0]
		parent := mustCall(t, 201, address, "signup", "", credentials(ann))
		db := openAt(t, url)
		connection, err := net.Dial("tcp", address)
		require.NoError(t, err)
		body := refreshing(parent.Refresh)
		_, err = fmt.Fprintf(connection, "POST /api/v1/token/refresh HTTP/1.1\r\nHost: localhost\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			var session models.Session
			return db.Take(&session).Error == nil && session.Generation == 1
		}, bound, 2*time.Millisecond, "the commit")
		require.NoError(t, connection.Close())

		child := mustCall(t, 200, address, "token/refresh", "", refreshing(parent.Refresh))
		again := mustCall(t, 200, address, "token/refresh", "", refreshing(parent.Refresh))
		require.Equal(t, child.Refresh, again.Refresh)

		past := time.Now().UTC().Add(-time.Hour)
		require.NoError(t, db.Model(&models.Session{}).Where("TRUE").Update("redeemed_at", past).Error)
		another := mustCall(t, 200, address, "token/refresh", "", refreshing(parent.Refresh))
		require.NotEqual(t, child.Refresh, another.Refresh)
		require.Equal(t, "refresh_token_reused", mustCall(t, 401, address, "token/refresh", "", refreshing(child.Refresh)).Code)
		require.Equal(t, "session_revoked", mustCall(t, 401, address, "token/refresh", "", refreshing(another.Refresh)).Code)
	})
}

// phone signs up and then refreshes as fast as it can, until the server no longer answers. It keeps the newest pair that
// it received whole.
func phone(address, email string) (kept pair, err error) {
	status, got, err := call(context.Background(), address, "signup", "", credentials(email))
	if err != nil || status != http.StatusCreated {
		return kept, err
	}
	for err == nil {
		kept = got
		status, got, err = call(context.Background(), address, "token/refresh", "", refreshing(kept.Refresh))
		if err == nil && status != http.StatusOK {
			return kept, fmt.Errorf("an honest refresh was answered %d %s", status, got.Code)
		}
	}
	return kept, nil // the connection broke
}

func TestAKilledServerLosesNoAcknowledgedSession(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		environ := with(url, "AUTO_MIGRATE=true")
		server := serve(t, environ)
		address := server.addr(t)
		const phones = 8
		kept := make([]pair, phones)
		errs := make([]error, phones)
		var group sync.WaitGroup
		for i := range phones {
			group.Go(func() { kept[i], errs[i] = phone(address, fmt.Sprintf("phone%d@example.com", i)) })
		}
		db := openAt(t, url)
		require.Eventually(t, func() bool {
			var busy int64
			return db.Model(&models.Session{}).Where("generation > 3").Count(&busy).Error == nil && busy == phones
		}, bound, 5*time.Millisecond, "every phone is under way")
		require.NoError(t, server.command.Process.Kill())
		group.Wait()

		address = serve(t, environ).addr(t)
		for i := range phones {
			require.NoError(t, errs[i])
			mustCall(t, 200, address, "profile", kept[i].Access, "")
			mustCall(t, 200, address, "token/refresh", "", refreshing(kept[i].Refresh))
		}
	})
}

// errRefused means that a server answered an honest request with something else than success.
var errRefused = errors.New("an honest request was refused")

const sessionsOfADevice = 3

// device opens several sessions and refreshes them in turn, until its server is gone or ctx is done. It gives back the
// newest pair of each session that was acknowledged, and what stopped it.
func device(ctx context.Context, address, email string) (kept []pair, stopped error) {
	for i := 0; ; i++ {
		path, body, want := "login", credentials(email), http.StatusOK
		switch {
		case i == 0:
			path, want = "signup", http.StatusCreated
		case i >= sessionsOfADevice:
			path, body = "token/refresh", refreshing(kept[i%sessionsOfADevice].Refresh)
		}
		status, got, err := call(ctx, address, path, "", body)
		switch {
		case err != nil:
			return kept, err
		case status != want:
			return kept, fmt.Errorf("%w: %s was answered %d %s", errRefused, path, status, got.Code)
		case i < sessionsOfADevice:
			kept = append(kept, got)
		default:
			kept[i%sessionsOfADevice] = got
		}
	}
}

// One of three replicas is killed under load. The devices of the others don't notice, and every session of its own goes
// on at the survivors and at its successor.
func TestAKilledReplicaLosesNoAcknowledgedSession(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		environ := with(url, "AUTO_MIGRATE=true")
		victim := serve(t, environ)
		addresses := append([]string{victim.addr(t)}, replicas(t, url, 2)...)
		const devices = 6
		kept := make([][]pair, devices)
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
		db := openAt(t, url)
		refreshed := func(times uint32) bool {
			var busy int64
			err := db.Model(&models.Session{}).Where("generation >= ?", times).Count(&busy).Error
			return err == nil && busy == devices*sessionsOfADevice
		}
		require.Eventually(t, func() bool { return ctx.Err() != nil || refreshed(2) }, bound, 5*time.Millisecond, "every device is under way")
		require.NoError(t, victim.command.Process.Kill())
		victim.wait(t)
		atSurvivors := refreshesOf(t, db)
		require.Eventually(t, func() bool { return ctx.Err() != nil || refreshesOf(t, db) > atSurvivors+20 },
			bound, 5*time.Millisecond, "the others go on")
		stop()
		group.Wait()

		for i := range devices {
			require.NotErrorIs(t, stopped[i], errRefused)
			if i%3 != 0 {
				require.ErrorIs(t, stopped[i], context.Canceled, "a survivor's device goes on until it is stopped")
			}
		}
		addresses[0] = serve(t, environ).addr(t)
		for i := range devices {
			require.Len(t, kept[i], sessionsOfADevice)
			for _, session := range kept[i] {
				goesOnAt(t, session, addresses)
			}
		}
	})
}

func refreshesOf(t *testing.T, db *gorm.DB) (sum int64) {
	t.Helper()
	require.NoError(t, db.Model(&models.Session{}).Select("sum(generation)").Scan(&sum).Error)
	return sum
}

// goesOnAt holds an acknowledged session against every replica: its access token is accepted, and its refresh token is
// answered with the same child.
func goesOnAt(t *testing.T, session pair, addresses []string) {
	t.Helper()
	children := map[string]bool{}
	for _, address := range addresses {
		mustCall(t, 200, address, "profile", session.Access, "")
		children[mustCall(t, 200, address, "token/refresh", "", refreshing(session.Refresh)).Refresh] = true
	}
	require.Len(t, children, 1)
}

// The network swallows an answer that the server has sent whole. Retries, at whichever replica, get that very answer.
func TestARetryGetsTheChildThatWasLost(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		addresses := replicas(t, url, 2)
		parent := mustCall(t, 201, addresses[0], "signup", "", credentials(ann))
		swallowed := make(chan string, 1)
		network := swallowing(t, addresses[0], swallowed)
		_, _, err := call(t.Context(), network, "token/refresh", "", refreshing(parent.Refresh))
		require.Error(t, err, "the answer is lost")
		var lost pair
		require.NoError(t, json.Unmarshal([]byte(<-swallowed), &lost))
		for _, address := range addresses {
			retried := mustCall(t, 200, address, "token/refresh", "", refreshing(parent.Refresh))
			require.Equal(t, lost.Refresh, retried.Refresh)
		}
	})
}

// swallowing is the address of a network that takes one request to a server, keeps the body of its answer and cuts the
// connection.
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
		answer, err := http.ReadResponse(bufio.NewReader(upstream), nil)
		if err != nil {
			return
		}
		defer answer.Body.Close()
		if body, err := io.ReadAll(answer.Body); err == nil {
			swallowed <- string(body)
		}
	}()
	return listener.Addr().String()
}

func TestReplicasWithAnotherSecretKeyNeedItAsFallback(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		old := serve(t, with(url, "AUTO_MIGRATE=true"))
		tokens := mustCall(t, 201, old.addr(t), "signup", "", credentials(ann))
		const newKey = "kR7pW3nXs9QvB2tYfJ6mZcL0dGhA4eUiO8rTqMxVwKE="
		changed := []string{"DATABASE_URL=" + url, "SECRET_KEY=" + newKey}

		without := serve(t, changed)
		require.Equal(t, 1, without.wait(t))
		require.Contains(t, without.output.String(), "sealed under another SECRET_KEY")

		address := serve(t, append(changed, "SECRET_KEY_FALLBACKS="+secretKey, "AUTO_MIGRATE=true")).addr(t)
		mustCall(t, 200, address, "profile", tokens.Access, "")
		child := mustCall(t, 200, address, "token/refresh", "", refreshing(tokens.Refresh))
		mustCall(t, 200, address, "token/refresh", "", refreshing(child.Refresh))
		require.NotEqual(t, tokens.Refresh, child.Refresh)
	})
}
