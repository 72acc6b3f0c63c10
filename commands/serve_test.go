package commands_test

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/database"
	"latchkey/testkit"
)

func TestServe_InAnEmptyFolder(t *testing.T) {
	t.Parallel()
	server := testkit.Start(t, testkit.FreePort())
	address := server.Addr(t)
	response := post(t, address, "signup", ann)
	require.Equal(t, http.StatusCreated, response.StatusCode)
	require.NoError(t, server.Command.Process.Signal(syscall.SIGTERM))
	require.Zero(t, server.Wait(t), "%s", server.Output)
	key, err := os.Stat(filepath.Join(server.Command.Dir, "latchkey.db.secret"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), key.Mode().Perm())
	require.Contains(t, server.Output.String(), "made a secret key in latchkey.db.secret")
}

func post(t *testing.T, address, path, email string) *http.Response {
	t.Helper()
	body := strings.NewReader(testkit.Credentials(email))
	response, err := http.Post("http://"+address+"/api/v1/"+path, "application/json", body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response
}

func TestServe_SIGTERMDrainsARequestInProgress(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		server := testkit.Serve(t, with(url, "AUTO_MIGRATE=true"))
		address := server.Addr(t)
		require.Equal(t, http.StatusCreated, post(t, address, "signup", ann).StatusCode)
		connection, responses := beginLogin(t, address)
		require.NoError(t, server.Command.Process.Signal(syscall.SIGTERM))
		require.Eventually(t, func() bool { return refuses(address) }, bound, 5*time.Millisecond, "new connections are refused")
		_, err := io.WriteString(connection, testkit.Credentials(ann)[20:])
		require.NoError(t, err)
		response, err := http.ReadResponse(responses, nil)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Zero(t, server.Wait(t), "%s", server.Output)
	})
}

// Load balancers learn from /readyz that a replica is about to end, before it refuses anything.
func TestServe_SIGTERMTurnsReadinessOffFirst(t *testing.T) {
	t.Parallel()
	server := testkit.Serve(t, with("sqlite:test.db", "SHUTDOWN_DELAY=10m"))
	address := server.Addr(t)
	get := func(path string) (status int, closes bool) {
		response, err := http.Get("http://" + address + path)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode, response.Close
	}
	require.NoError(t, server.Command.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool {
		status, _ := get("/readyz")
		return status == http.StatusServiceUnavailable
	}, bound, 5*time.Millisecond)
	status, closes := get("/healthz")
	require.Equal(t, http.StatusOK, status, "it still serves")
	require.True(t, closes, "no connection is kept for another request")
	require.Equal(t, http.StatusCreated, post(t, address, "signup", ann).StatusCode)
	require.NoError(t, server.Command.Process.Signal(syscall.SIGTERM))
	require.Zero(t, server.Wait(t), "the second signal skips the wait: %s", server.Output)
	lines := strings.Split(strings.TrimSpace(server.Output.String()), "\n")
	require.Contains(t, lines[len(lines)-1], "msg=stopped")
}

func TestServe_DrainingHasABound(t *testing.T) {
	t.Parallel()
	server := testkit.Serve(t, with("sqlite:test.db", "SHUTDOWN_TIMEOUT=1s"))
	beginLogin(t, server.Addr(t))
	require.NoError(t, server.Command.Process.Signal(syscall.SIGTERM))
	require.Equal(t, 1, server.Wait(t))
	require.Contains(t, server.Output.String(), "requests were still in progress after SHUTDOWN_TIMEOUT")
}

// beginLogin sends the first half of a login and waits until the handler reads it: only then does a server respond with
// 100 Continue. It returns the connection, and a reader for the responses.
func beginLogin(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, connection.SetDeadline(time.Now().Add(bound)))
	body := testkit.Credentials(ann)
	_, err = fmt.Fprintf(connection, "POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	require.NoError(t, err)
	responses := bufio.NewReader(connection)
	response, err := http.ReadResponse(responses, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusContinue, response.StatusCode)
	_, err = io.WriteString(connection, body[:20])
	require.NoError(t, err)
	return connection, responses
}

// refuses reports whether nothing accepts connections at address.
func refuses(address string) bool {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return true
	}
	_ = connection.Close()
	return false
}

func TestServe_OnATakenPortSaysWhichSettingToChange(t *testing.T) {
	t.Parallel()
	address := testkit.Serve(t, with("sqlite:test.db")).Addr(t)
	second := testkit.Start(t, with("sqlite:test.db", "ADDR="+address), "serve")
	require.Equal(t, 1, second.Wait(t))
	require.Contains(t, second.Output.String(), "latchkey: listen at ADDR "+address)
	require.Contains(t, second.Output.String(), "address already in use")
}

func TestServe_TwoServersMayStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		environ := with(url, "AUTO_MIGRATE=true")
		first, second := testkit.Serve(t, environ), testkit.Serve(t, environ)
		require.NotEqual(t, first.Addr(t), second.Addr(t))
		require.Equal(t, http.StatusCreated, post(t, first.Addr(t), "signup", ann).StatusCode)
		require.Equal(t, http.StatusOK, post(t, second.Addr(t), "login", ann).StatusCode)

		db, err := database.Open(url, database.Options{})
		require.NoError(t, err)
		defer database.Close(db)
		var twice sql.NullInt64
		require.NoError(t, db.Raw("SELECT version_id FROM goose_db_version GROUP BY version_id HAVING count(*) > 1").Scan(&twice).Error)
		require.False(t, twice.Valid, "migration %d is applied twice", twice.Int64)
	})
}

func TestServe_Refuses(t *testing.T) {
	t.Parallel()
	const makeOne = "Make one with: openssl rand -base64 48"
	for name, c := range map[string]struct {
		environ []string
		says    []string
	}{
		"JWT_VERIFY=false":            {with("sqlite:test.db", "JWT_VERIFY=false"), []string{"JWT_VERIFY is false", "Remove it."}},
		"JWT_VERIFY_EXPIRATION=false": {with("sqlite:test.db", "JWT_VERIFY_EXPIRATION=false"), []string{"JWT_VERIFY_EXPIRATION is false"}},
		"production without a secret key": {
			[]string{"APP_ENV=production", "PUBLIC_URL=https://auth.example.com"},
			[]string{"SECRET_KEY is required in production", makeOne},
		},
		"production without a mail server": {
			with("sqlite:test.db", "APP_ENV=production", "PUBLIC_URL=https://auth.example.com"),
			[]string{"SMTP_URL is required in production", "or none to send no mail at all"},
		},
		"templates that don't fit": {with("sqlite:test.db", "MAIL_TEMPLATES_DIR=missing"), []string{"the templates in missing: "}},
		"PostgreSQL without a secret key": {
			[]string{"DATABASE_URL=postgres://latchkey:plum-stone@127.0.0.1:1/latchkey"}, []string{"SECRET_KEY is required with PostgreSQL", makeOne},
		},
		"an unreachable database": {
			with("postgres://latchkey:plum-stone@127.0.0.1:1/latchkey"), []string{"latchkey: "},
		},
		"a short secret key": {[]string{"SECRET_KEY=plum-stone"}, []string{"SECRET_KEY has 10 bytes and needs at least 32"}},
		"every fault at once": {
			[]string{"JWT_LEEWAY=1h", "JWT_VERIFY=false", "SECRET_KEY=plum-stone"},
			[]string{"the settings have 3 errors", "JWT_LEEWAY is", "JWT_VERIFY is", "SECRET_KEY has"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := testkit.Serve(t, c.environ)
			require.Equal(t, 1, server.Wait(t), "%s", server.Output)
			for _, says := range c.says {
				require.Contains(t, server.Output.String(), says)
			}
			require.NotContains(t, server.Output.String(), "plum-stone")
			require.NotContains(t, server.Output.String(), "listening")
			require.NoFileExists(t, filepath.Join(server.Command.Dir, "latchkey.db"))
		})
	}
}

func TestServe_RefusesAStaleSchemaUntilItIsMigrated(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		environ := with(url, "AUTO_MIGRATE=false")
		stale := testkit.Serve(t, environ)
		require.Equal(t, 1, stale.Wait(t), "%s", stale.Output)
		require.Contains(t, stale.Output.String(), "the database schema is out of date")
		require.Contains(t, stale.Output.String(), "latchkey migrate up")
		require.Zero(t, run(t, environ, "migrate", "up").code)
		testkit.Serve(t, environ).Addr(t)
	})
}

func TestServe_MigratesPostgresOnlyWhenAskedTo(t *testing.T) {
	t.Parallel()
	testkit.EachURL(t, func(t *testing.T, url string) {
		server := testkit.Serve(t, with(url))
		if strings.HasPrefix(url, "sqlite:") {
			server.Addr(t)
			return
		}
		require.Equal(t, 1, server.Wait(t))
		require.Contains(t, server.Output.String(), "latchkey migrate up")
		testkit.Serve(t, with(url, "AUTO_MIGRATE=true")).Addr(t)
	})
}
