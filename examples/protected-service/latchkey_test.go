package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// latchkey is the real server, built from the sources around this example, in an empty folder with a database of its own.
// Tests reach it through a proxy, whose address is known before the server's and which counts requests.
type latchkey struct {
	program string
	folder  string
	environ []string
	proxy   *httptest.Server
	server  atomic.Pointer[url.URL]
	fetches atomic.Int64 // of the published keys
}

func buildLatchkey(t *testing.T) *latchkey {
	t.Helper()
	if testing.Short() {
		t.Skip("this takes 40 seconds: a running server notices a rotation within 20")
	}
	sources, err := filepath.Abs("../..")
	require.NoError(t, err)
	if _, err := os.Stat(filepath.Join(sources, "go.mod")); err != nil {
		t.Skip("the sources of Latchkey are not around this example")
	}
	l := &latchkey{program: filepath.Join(t.TempDir(), "latchkey"), folder: t.TempDir()}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", l.program, ".")
	build.Dir = sources
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	l.proxy = httptest.NewServer(l)
	t.Cleanup(l.proxy.Close)
	l.environ = []string{"ADDR=127.0.0.1:0", "RATE_LIMITS=off", "PUBLIC_URL=" + l.proxy.URL, "JWT_AUDIENCE=" + ourAudience,
		"SUPERUSER_EMAIL=root@example.com", "SUPERUSER_PASSWORD=" + password}
	return l
}

// ServeHTTP forwards a request to the server, once it runs.
func (l *latchkey) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/.well-known/jwks.json" {
		l.fetches.Add(1)
	}
	server := l.server.Load()
	if server == nil {
		http.Error(w, "not up yet", http.StatusBadGateway)
		return
	}
	httputil.NewSingleHostReverseProxy(server).ServeHTTP(w, r)
}

// output collects what a process writes. It is safe for concurrent use.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(written []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(written)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var listeningAt = regexp.MustCompile(`msg=listening url=(http://\S+)`)

// start runs the server until the test ends.
func (l *latchkey) start(t *testing.T) {
	t.Helper()
	var log output
	server := exec.Command(l.program)
	server.Dir, server.Env, server.Stderr = l.folder, l.environ, &log
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	require.Eventually(t, func() bool { return listeningAt.MatchString(log.String()) }, bound, 5*time.Millisecond, "the server listens")
	address, err := url.Parse(listeningAt.FindStringSubmatch(log.String())[1])
	require.NoError(t, err)
	l.server.Store(address)
}

// run executes a command on the running server's database.
func (l *latchkey) run(t *testing.T, args ...string) {
	t.Helper()
	command := exec.Command(l.program, args...)
	command.Dir, command.Env = l.folder, l.environ
	said, err := command.CombinedOutput()
	require.NoError(t, err, "%v: %s", args, said)
}

const password = "plum tree by the gate"

// token signs up or logs in, and returns the access token and the id of its key.
func (l *latchkey) token(t *testing.T, path, email string) (token, kid string) {
	t.Helper()
	body := strings.NewReader(`{"email":"` + email + `","password":"` + password + `"}`)
	response, err := http.Post(l.proxy.URL+"/api/v1/"+path, "application/json", body)
	require.NoError(t, err)
	defer response.Body.Close()
	var pair struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&pair))
	parsed, _, err := jwt.NewParser().ParseUnverified(pair.AccessToken, jwt.MapClaims{})
	require.NoError(t, err, "%s of %s: %s", path, email, response.Status)
	return pair.AccessToken, parsed.Header["kid"].(string)
}

// tokenOfAnotherKey logs in until the server signs with another key than this one, which it does within a minute.
func (l *latchkey) tokenOfAnotherKey(t *testing.T, former string) (token, kid string) {
	t.Helper()
	require.Eventually(t, func() bool {
		token, kid = l.token(t, "login", "ann@example.com")
		return kid != former
	}, bound, 250*time.Millisecond, "the server signs with the new key")
	return token, kid
}

// service returns a service that verifies the server's tokens, with keys fetched at this interval.
func (l *latchkey) service(t *testing.T, refresh time.Duration) http.Handler {
	t.Helper()
	return newEngine(follow(t, VerifierOptions{l.proxy.URL, ourAudience, refresh, time.Now}))
}

func requireOK(t *testing.T, service http.Handler, path, token string) {
	t.Helper()
	response := get(service, path, token)
	require.Equal(t, http.StatusOK, response.Code, "%s", response.Body)
}

func TestService_WithARealLatchkey(t *testing.T) {
	auth := buildLatchkey(t)
	fresh, cached := auth.service(t, 100*time.Millisecond), auth.service(t, time.Hour)
	early := get(cached, "/hello", "any")
	requireProblem(t, early, http.StatusServiceUnavailable, "not_ready", "")
	require.NotEmpty(t, early.Header().Get("Retry-After"))

	auth.start(t)
	requireReady(t, fresh)
	requireReady(t, cached)
	first, firstKey := auth.token(t, "signup", "ann@example.com")
	t.Run("tokens", func(t *testing.T) { acceptsItsTokens(t, auth, cached, first) })
	t.Run("rotation", func(t *testing.T) { survivesRotation(t, auth, [2]http.Handler{fresh, cached}, first, firstKey) })
}

func acceptsItsTokens(t *testing.T, auth *latchkey, service http.Handler, token string) {
	requireOK(t, service, "/hello", token)
	requireProblem(t, get(service, "/staff", token), http.StatusForbidden, "permission_denied", `error="insufficient_scope"`)
	auth.run(t, "createsuperuser", "--no-input")
	root, _ := auth.token(t, "login", "root@example.com")
	requireOK(t, service, "/staff", root)

	tomorrow := func() time.Time { return time.Now().Add(24 * time.Hour) }
	for code, options := range map[string]VerifierOptions{
		"token_expired": {auth.proxy.URL, ourAudience, time.Hour, tomorrow},
		"token_invalid": {auth.proxy.URL, "https://other.example", time.Hour, time.Now},
	} {
		other := newEngine(follow(t, options))
		requireReady(t, other)
		requireProblem(t, get(other, "/hello", token), http.StatusUnauthorized, code, `error="invalid_token"`)
	}
}

// survivesRotation rotates twice while everything runs, and then retires the first key.
func survivesRotation(t *testing.T, auth *latchkey, services [2]http.Handler, first, firstKey string) {
	fresh, cached := services[0], services[1]
	auth.run(t, "keys", "rotate", "--force")
	second, secondKey := auth.tokenOfAnotherKey(t, firstKey)
	for _, service := range services {
		requireOK(t, service, "/hello", first)
		requireOK(t, service, "/hello", second) // known already: it was published before it signed
	}

	auth.run(t, "keys", "rotate", "--force")
	auth.run(t, "keys", "retire", "--", firstKey)
	requireOK(t, cached, "/hello", first)
	third, _ := auth.tokenOfAnotherKey(t, secondKey)
	fetches := auth.fetches.Load()
	requireOK(t, cached, "/hello", third) // made after the keys were fetched: unknown until this request
	require.Greater(t, auth.fetches.Load(), fetches)
	require.Eventually(t, func() bool {
		return get(fresh, "/hello", first).Code == http.StatusUnauthorized
	}, bound, 20*time.Millisecond, "tokens of a retired key are refused")
	for _, service := range services {
		requireProblem(t, get(service, "/hello", first), http.StatusUnauthorized, "token_invalid", `error="invalid_token"`)
		requireOK(t, service, "/hello", second)
		requireOK(t, service, "/hello", third)
	}
}
