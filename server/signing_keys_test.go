package server_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"latchkey/config"
	"latchkey/controllers"
	"latchkey/database"
	"latchkey/models/keys"
	"latchkey/server"
	"latchkey/testkit"
)

func TestCheckSigningKey_RefusesAnRSAKeyBelow128Bits(t *testing.T) {
	t.Parallel()
	for bits, refusal := range map[int]string{2048: "needs at least 3072 bits, this one has 2048", 3072: ""} {
		private, err := rsa.GenerateKey(rand.Reader, bits)
		require.NoError(t, err)
		der, err := x509.MarshalPKCS8PrivateKey(private)
		require.NoError(t, err)
		given := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		settings, err := config.Load([]string{"JWT_ALGORITHM=RS256", "JWT_PRIVATE_KEY=" + given}, t.TempDir())
		require.NoError(t, err)
		err = server.CheckSigningKey(settings)
		if refusal == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, refusal)
		require.ErrorContains(t, err, "openssl genpkey", "it says what to do")
	}
}

// replica is a server with its own pool of connections to a database that it shares.
type replica struct {
	*server.Server
}

// newReplica starts a replica that rotates its keys at every rotation, however short that is.
func newReplica(t *testing.T, url string, rotation time.Duration, now func() time.Time) replica {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	db, err := database.Open(url, database.Options{Logger: log})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close(db)) })
	settings, err := config.Load(testkit.Environ(url, "RATE_LIMITS=off"), t.TempDir())
	require.NoError(t, err)
	settings.JWT.KeyRotation = rotation
	service, err := server.New(t.Context(), settings,
		server.Resources{DB: db, Hasher: testkit.FastHasher(t), Log: log, Now: now})
	require.NoError(t, err)
	return replica{service}
}

// call sends a request and returns the response. Token is an access token, or empty.
func (r replica) call(method, path, body, token string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response := httptest.NewRecorder()
	r.Engine.ServeHTTP(response, request)
	return response
}

// issued is a pair of tokens, with the key id and the expiry of the access token.
type issued struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	kid     string
	expires time.Time
}

// pair requests a new pair of tokens.
func (r replica) pair(path, body string) (issued, error) {
	response := r.call(http.MethodPost, "/api/v1/"+path, body, "")
	if response.Code/100 != 2 {
		return issued{}, fmt.Errorf("%s: %d %s", path, response.Code, response.Body)
	}
	var pair issued
	if err := json.Unmarshal(response.Body.Bytes(), &pair); err != nil {
		return issued{}, err
	}
	var claims jwt.RegisteredClaims
	token, _, err := jwt.NewParser().ParseUnverified(pair.Access, &claims)
	if err != nil {
		return issued{}, err
	}
	pair.kid, pair.expires = token.Header["kid"].(string), claims.ExpiresAt.Time
	return pair, nil
}

func (r replica) login(email string) (issued, error) {
	return r.pair("login", testkit.Credentials(email))
}

func (r replica) refresh(pair issued) (issued, error) {
	return r.pair("token/refresh", `{"refresh_token":"`+pair.Refresh+`"}`)
}

// profile returns the status of a request with the access token.
func (r replica) profile(pair issued) int {
	return r.call(http.MethodGet, "/api/v1/profile", "", pair.Access).Code
}

// published returns the ids of the published keys.
func (r replica) published(t *testing.T) []string {
	t.Helper()
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	response := r.call(http.MethodGet, "/.well-known/jwks.json", "", "")
	require.NoError(t, json.Unmarshal(response.Body.Bytes(), &set))
	var ids []string
	for _, key := range set.Keys {
		ids = append(ids, key.ID)
	}
	return ids
}

// load is the state of phones that log in, refresh and read their profile without a pause at two replicas, while the clock
// advances and keys rotate.
type load struct {
	t        *testing.T
	replicas [2]replica
	clock    *testkit.Clock

	mu      sync.Mutex
	lapped  sync.Cond
	stopped bool
	laps    int
	signers []string // kids that signed, the latest last
	cached  []string // kids known to another service, which fetched the published keys a while ago
}

// phone runs until the load is stopped, at one replica after the other.
func (l *load) phone(email string) {
	var current issued
	var held []issued
	for lap := 0; !l.isStopped(); lap++ {
		replica := l.replicas[lap%2]
		var err error
		if lap%8 == 0 {
			current, err = replica.login(email)
		} else {
			current, err = replica.refresh(current)
		}
		if !assert.NoError(l.t, err) {
			l.lap("")
			continue
		}
		if len(held) == 0 || held[len(held)-1].expires.Before(current.expires) || held[len(held)-1].kid != current.kid {
			held = append(held, current)
		}
		held = slices.DeleteFunc(held, func(pair issued) bool { return !l.clock.Now().Before(pair.expires) })
		l.present(current)
		if len(held) > 0 {
			l.present(held[0])
		}
		l.lap(current.kid)
	}
}

// present checks that everyone who has to accept a token until it expires does so.
func (l *load) present(pair issued) {
	for i, replica := range l.replicas {
		status := replica.profile(pair)
		if now := l.clock.Now(); now.Before(pair.expires) {
			assert.Equal(l.t, http.StatusOK, status, "replica %d refuses a token of key %s that expires in %s",
				i, pair.kid, pair.expires.Sub(now))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clock.Now().Before(pair.expires) {
		assert.Contains(l.t, l.cached, pair.kid, "another service does not know the key")
	}
}

func (l *load) lap(kid string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.laps++
	if kid != "" && !slices.Contains(l.signers, kid) {
		l.signers = append(l.signers, kid)
	}
	l.lapped.Broadcast()
}

// awaitLaps waits until the phones have made n more laps, counted together.
func (l *load) awaitLaps(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for target := l.laps + n; l.laps < target; {
		l.lapped.Wait()
	}
}

// fetch replaces the keys that the other service knows.
func (l *load) fetch(from replica) {
	ids := from.published(l.t)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cached = ids
}

func (l *load) rotations() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.signers) - 1
}

func (l *load) isStopped() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

func (l *load) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
}

// Each replica runs its tasks as rarely as it may, in turn with the other, and keys rotate as often as they may. Another
// service keeps the published keys for as long as it may.
func TestSigningKeys_RotatingUnderLoadRefusesNoValidToken(t *testing.T) {
	t.Parallel()
	const (
		phones    = 3
		turn      = keys.MaxAge / 2
		fetchTurn = int(controllers.JWKSMaxAge / turn)
		rotations = 4
		atMost    = 150 // turns, which is more than 4 rotations need
	)
	eachMigrated(t, func(t *testing.T, url string) {
		clock := testkit.NewClock()
		l := &load{t: t, clock: clock, replicas: [2]replica{
			newReplica(t, url, time.Minute, clock.Now), newReplica(t, url, time.Minute, clock.Now),
		}}
		l.lapped.L = &l.mu
		l.fetch(l.replicas[0])
		var running sync.WaitGroup
		for i := range phones {
			email := fmt.Sprintf("phone%d@example.com", i)
			_, err := l.replicas[0].pair("signup", testkit.Credentials(email))
			require.NoError(t, err)
			running.Go(func() { l.phone(email) })
		}
		defer running.Wait()
		defer l.stop()

		l.awaitLaps(phones)
		for i := 0; l.rotations() < rotations; i++ {
			require.Less(t, i, atMost, "only %d rotations", l.rotations())
			require.False(t, t.Failed(), "after %d rotations", l.rotations())
			clock.Advance(turn)
			due := l.replicas[i%2]
			if i%fetchTurn == fetchTurn-1 {
				l.fetch(due)
			}
			due.RunTasks(t.Context())
			l.awaitLaps(2 * phones)
		}
	})
}

func TestSigningKeys_ReplicasFollowARotation(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		clock := testkit.NewClock()
		first, second := newReplica(t, url, time.Hour, clock.Now), newReplica(t, url, time.Hour, clock.Now)
		signup, err := first.pair("signup", testkit.Credentials(ann))
		require.NoError(t, err)
		signs := func(r replica) issued {
			t.Helper()
			pair, err := r.login(ann)
			require.NoError(t, err)
			return pair
		}
		require.Equal(t, signup.kid, signs(second).kid, "both replicas use the first key")

		clock.Advance(time.Hour)
		first.RunTasks(t.Context())
		rotated, behind := signs(first), signs(second)
		require.NotEqual(t, signup.kid, rotated.kid)
		require.Equal(t, signup.kid, behind.kid, "a replica that has not run its tasks signs with the former key")
		for _, pair := range []issued{rotated, behind} {
			require.Equal(t, http.StatusOK, first.profile(pair))
			require.Equal(t, http.StatusOK, second.profile(pair))
		}
		second.RunTasks(t.Context())
		require.Equal(t, rotated.kid, signs(second).kid, "the keys rotate once, not once per replica")
		require.Equal(t, first.published(t), second.published(t))
		require.Equal(t, http.StatusOK, second.profile(behind))

		clock.Advance(controllers.JWKSMaxAge + 3*time.Minute)
		second.RunTasks(t.Context())
		require.NotContains(t, second.published(t), signup.kid, "nothing that this key signed can be valid")
	})
}

func TestSigningKeys_ReplicasFollowTheCommands(t *testing.T) {
	t.Parallel()
	eachMigrated(t, func(t *testing.T, url string) {
		replicas := []replica{newReplica(t, url, 0, time.Now), newReplica(t, url, 0, time.Now)}
		old, err := replicas[0].pair("signup", testkit.Credentials(ann))
		require.NoError(t, err)

		require.Zero(t, testkit.Start(t, testkit.Environ(url), "keys", "rotate", "--force").Wait(t))
		for _, r := range replicas {
			r.RunTasks(t.Context())
			renewed, err := r.login(ann)
			require.NoError(t, err)
			require.NotEqual(t, old.kid, renewed.kid)
			require.Contains(t, r.published(t), old.kid)
			require.Equal(t, http.StatusOK, r.profile(old))
		}

		require.Zero(t, testkit.Start(t, testkit.Environ(url), "keys", "retire", "--", old.kid).Wait(t))
		for _, r := range replicas {
			require.Equal(t, http.StatusOK, r.profile(old), "it has not run its tasks")
			r.RunTasks(t.Context())
			require.NotContains(t, r.published(t), old.kid)
			require.Equal(t, http.StatusUnauthorized, r.profile(old))
		}
		renewed, err := replicas[1].refresh(old)
		require.NoError(t, err, "the session continues")
		require.Equal(t, http.StatusOK, replicas[0].profile(renewed))
	})
}
