package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// bound is how long the test waits for what other processes have to do.
const bound = 2 * time.Minute

// latchkey is the real server, built from the sources beside this example and run in an empty folder.
type latchkey struct {
	program string
	folder  string
	url     string
	environ []string
}

func startLatchkey(t *testing.T) *latchkey {
	t.Helper()
	sources, err := filepath.Abs("../..")
	require.NoError(t, err)
	if _, err := os.Stat(filepath.Join(sources, "go.mod")); err != nil {
		t.Skip("the sources of Latchkey are not beside this example")
	}
	folder := t.TempDir()
	l := &latchkey{program: filepath.Join(folder, "latchkey"), folder: folder}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", l.program, ".")
	build.Dir = sources
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)

	port := freePort(t)
	l.url = "http://localhost:" + port
	l.environ = []string{"ADDR=127.0.0.1:" + port, "SUPERUSER_EMAIL=root@example.com", "SUPERUSER_PASSWORD=plum tree by the gate"}
	server := exec.Command(l.program)
	server.Dir, server.Env = folder, l.environ
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	return l
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

// run executes a command of the program against the running server's database.
func (l *latchkey) run(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.Command(l.program, args...)
	command.Dir, command.Env = l.folder, l.environ
	output, err := command.Output()
	require.NoError(t, err, "%v", args)
	return string(output)
}

// token logs in and gives back the access token.
func (l *latchkey) token(t *testing.T, path, email string) string {
	t.Helper()
	body := fmt.Sprintf(`{"email":%q,"password":"plum tree by the gate"}`, email)
	answer, err := http.Post(l.url+"/api/v1/"+path, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	var got struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal(text, &got), "%s", text)
	require.NotEmpty(t, got.AccessToken, "%s", text)
	return got.AccessToken
}

func keyID(t *testing.T, token string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	require.NoError(t, err)
	return parsed.Header["kid"].(string)
}

func get(t *testing.T, engine *gin.Engine, path, authorization string) (status int, body string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	recorder := httptest.NewRecorder()
	engine.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusOK {
		require.NotEmpty(t, recorder.Header().Get("WWW-Authenticate"))
	}
	return recorder.Code, recorder.Body.String()
}

func TestTheServiceLetsInWhoHasATokenOfLatchkey(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	auth := startLatchkey(t) // which may not be up yet: the verifier waits for it
	verifier, err := NewVerifier(ctx, auth.url, auth.url, time.Second)
	require.NoError(t, err)
	gin.SetMode(gin.ReleaseMode)
	engine := newEngine(verifier)
	token := auth.token(t, "signup", "ann@example.com")

	status, body := get(t, engine, "/hello", "Bearer "+token)
	require.Equal(t, http.StatusOK, status, "%s", body)
	status, body = get(t, engine, "/staff", "Bearer "+token)
	require.Equal(t, http.StatusForbidden, status, "%s", body)
	auth.run(t, "createsuperuser", "--no-input")
	status, body = get(t, engine, "/staff", "Bearer "+auth.token(t, "login", "root@example.com"))
	require.Equal(t, http.StatusOK, status, "%s", body)

	for name, refused := range refusedTokens(t, token) {
		status, body := get(t, engine, "/hello", refused)
		require.Equal(t, http.StatusUnauthorized, status, "%s: %s", name, body)
	}
	elsewhere, err := NewVerifier(ctx, auth.url, "https://another.example.com", time.Minute)
	require.NoError(t, err)
	status, _ = get(t, newEngine(elsewhere), "/hello", "Bearer "+token)
	require.Equal(t, http.StatusUnauthorized, status, "another audience")

	rotates(t, auth, engine, token)
}

func refusedTokens(t *testing.T, token string) map[string]string {
	t.Helper()
	parts := strings.Split(token, ".")
	encode := func(header string) string { return base64.RawURLEncoding.EncodeToString([]byte(header)) }
	forged := func(header string) string { return "Bearer " + encode(header) + "." + parts[1] + "." }
	shared, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "eve"}).SignedString([]byte("a key of nobody's"))
	require.NoError(t, err)
	return map[string]string{
		"none":              "",
		"another scheme":    "Basic YW5uOnB3",
		"no signature":      forged(`{"alg":"none","typ":"at+jwt","kid":"` + keyID(t, token) + `"}`),
		"another algorithm": "Bearer " + shared,
		"another signature": "Bearer " + parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"an unknown key":    forged(`{"alg":"ES256","typ":"at+jwt","kid":"nobody's"}`),
	}
}

// rotates changes the signing key while everything runs: the old token and the new one are both let in, until the old key
// is retired.
func rotates(t *testing.T, auth *latchkey, engine *gin.Engine, old string) {
	t.Helper()
	auth.run(t, "keys", "rotate", "--force")
	var fresh string
	require.Eventually(t, func() bool {
		fresh = auth.token(t, "login", "ann@example.com")
		return keyID(t, fresh) != keyID(t, old)
	}, bound, 500*time.Millisecond, "the server signs with the new key")
	for name, token := range map[string]string{"old": old, "new": fresh} {
		status, body := get(t, engine, "/hello", "Bearer "+token)
		require.Equal(t, http.StatusOK, status, "%s: %s", name, body)
	}
	auth.run(t, "keys", "retire", "--", keyID(t, old))
	require.Eventually(t, func() bool {
		status, _ := get(t, engine, "/hello", "Bearer "+old)
		return status == http.StatusUnauthorized
	}, bound, 500*time.Millisecond, "a retired key is no longer trusted")
	status, body := get(t, engine, "/hello", "Bearer "+fresh)
	require.Equal(t, http.StatusOK, status, "%s", body)
}
