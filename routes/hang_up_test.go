package routes_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// Clients hang up in every way that a connection knows, while their request waits. That is nobody's fault, in whatever dialect: no
// 500, no line of level ERROR, and a status of its own in the metrics.
func TestErrors_AClientThatHangsUpIsNobodysFault(t *testing.T) {
	t.Parallel()
	app := testkit.NewHashingApp(t, testkit.SQLite(t), 1, cheap("DJANGO_COMPAT=true", "EMAIL_VERIFICATION=off")...)
	app.Signup(t, annAddress)
	account := object([]string{"email", annAddress, "password", testkit.Password})
	require.Equal(t, 202, app.Post(t, "/api/v1/password/forgot", object([]string{"email", annAddress})).Status)
	reset := "token=" + app.Mail(t, annAddress).Token(t) + "&new_password=" + strings.ReplaceAll(newPassword, " ", "+")
	const asJSON, asForm = "application/json", "application/x-www-form-urlencoded"
	requests := []string{
		rawPost(login, asJSON, account), rawPost(signup, asJSON, object([]string{"email", "bob@example.com", "password", testkit.Password})),
		rawPost("/api/token/", asJSON, account), rawPost("/api-token-auth/", asJSON, account),
		rawPost("/user/obtain_token/", asJSON, account), rawPost("/reset-password", asForm, reset),
	}
	hangUps := map[string]func(*net.TCPConn) error{
		"half-close": (*net.TCPConn).CloseWrite,
		"close":      (*net.TCPConn).Close,
		"reset":      func(c *net.TCPConn) error { _ = c.SetLinger(0); return c.Close() },
	}
	release, held := make(chan struct{}), make(chan struct{})
	freed := make(chan error, 1)
	go func() { freed <- app.Hasher.Do(context.Background(), func() { close(held); <-release }) }()
	<-held
	letGo := sync.OnceFunc(func() { close(release) })
	t.Cleanup(letGo)
	gone := 0
	for name, hangUp := range hangUps {
		for _, request := range requests {
			connection, err := net.Dial("tcp", app.Addr)
			require.NoError(t, err)
			defer connection.Close()
			_, err = io.WriteString(connection, request)
			require.NoError(t, err)
			require.Eventually(t, func() bool { return app.Hasher.Stats().Waiting == 1 }, testkit.Patience, time.Millisecond, "%s: %s", name, request)
			require.NoError(t, hangUp(connection.(*net.TCPConn)))
			gone++
			require.Eventually(t, func() bool { return strings.Count(app.Log.String(), `"status":499`) == gone },
				testkit.Patience, time.Millisecond, "%s: %s", name, request)
		}
	}
	letGo()
	require.NoError(t, <-freed)
	require.NotContains(t, app.Log.String(), `"level":"ERROR"`)
	require.NotContains(t, app.Log.String(), `"status":5`)
	require.Equal(t, 200, app.Get(t, "/healthz", "").Status)
	metrics := scrape(t, app)
	require.Contains(t, metrics, `route="/api/v1/login",status="499"} 3`)
	require.NotContains(t, metrics, `status="5`)
}

// A body that a client promised and never sent is the client's affair too.
func TestErrors_ABodyThatEndsEarlyIsNobodysFault(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t), "DJANGO_COMPAT=true")
	for _, path := range []string{login, "/api/token/", "/reset-password"} {
		for _, framing := range []string{"Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"} {
			connection, err := net.Dial("tcp", app.Addr)
			require.NoError(t, err)
			_, err = io.WriteString(connection, "POST "+path+" HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\n"+framing)
			require.NoError(t, err)
			require.NoError(t, connection.(*net.TCPConn).CloseWrite())
			_, _ = io.Copy(io.Discard, connection)
			require.NoError(t, connection.Close())
		}
	}
	require.Eventually(t, func() bool { return strings.Count(app.Log.String(), `"msg":"request"`) == 6 }, testkit.Patience, time.Millisecond)
	require.NotContains(t, app.Log.String(), `"level":"ERROR"`)
	require.NotContains(t, app.Log.String(), `"status":5`)
}

func rawPost(path, contentType, body string) string {
	return http.MethodPost + " " + path + " HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: " + contentType +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}
