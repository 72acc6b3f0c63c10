package commands_test

import (
	"bytes"
	"context"
	"encoding/json"
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
	Code    string `json:"code"` // of a refusal
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

// replicas starts n servers on one migrated database.
func replicas(t *testing.T, url string, n int) (addresses []string) {
	t.Helper()
	environ := with(url, "AUTO_MIGRATE=true")
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
	testkit.EachURL(t, func(t *testing.T, url string) {
		addresses := replicas(t, url, 2)
		tokens := mustCall(t, 201, addresses[0], "signup", "", credentials(ann))
		mustCall(t, 200, addresses[1], "profile", tokens.Access, "")
		mustCall(t, 204, addresses[0], "logout", tokens.Access, `{}`)
		require.Equal(t, "session_revoked", mustCall(t, 401, addresses[1], "profile", tokens.Access, "").Code)
		require.Equal(t, "session_revoked", mustCall(t, 401, addresses[1], "token/refresh", "", refreshing(tokens.Refresh)).Code)
	})
}

// The connection is cut when the refresh is committed and its answer has not been read. The phone tries again: within the
// grace it gets the same child, and later another one, which makes the first a trap.
func TestARefreshWhoseAnswerIsLostGoesOn(t *testing.T) {
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

func TestReplicasWithAnotherSecretKeyNeedItAsFallback(t *testing.T) {
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
