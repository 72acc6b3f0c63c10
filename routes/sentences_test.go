package routes_test

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"latchkey/testkit"
)

// Every wrong request gets a sentence that names what is wrong with it.
func TestErrors_NameTheirCause(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	const isJSON = "Content-Type: application/json"
	tests := map[string]struct {
		line    string
		headers []string
		body    string
		status  int
		detail  string
	}{
		"gzip":               {"POST " + login, []string{isJSON, "Content-Encoding: gzip"}, "\x1f\x8b\x08", 415, "has a Content-Encoding, gzip."},
		"an odd encoding":    {"POST " + login, []string{isJSON, "Content-Encoding: <b>"}, "{}", 415, "has a Content-Encoding."},
		"gzip, unsaid":       {"POST " + login, []string{isJSON}, "\x1f\x8b\x08", 400, "is compressed"},
		"identity":           {"POST " + login, []string{isJSON, "Content-Encoding: identity"}, "{}", 400, "Some fields"},
		"no type":            {"POST " + login, nil, "{}", 415, "no Content-Type"},
		"a form":             {"POST " + login, []string{"Content-Type: application/x-www-form-urlencoded"}, "a=b", 415, "is a form"},
		"a multipart form":   {"POST " + login, []string{"Content-Type: multipart/form-data; boundary=x"}, "--x--", 415, "is a form"},
		"text":               {"POST " + login, []string{"Content-Type: text/plain"}, "{}", 415, "another Content-Type, text/plain."},
		"a broken type":      {"POST " + login, []string{"Content-Type: ;"}, "{}", 415, "can't be parsed"},
		"no body":            {"POST " + login, []string{isJSON}, "", 400, "has no body"},
		"no body, no type":   {"POST " + login, nil, "", 400, "has no body"},
		"blank":              {"POST " + login, []string{isJSON}, " \n", 400, "is blank"},
		"a mark":             {"POST " + login, []string{isJSON}, "\ufeff{}", 400, "byte order mark"},
		"UTF-16":             {"POST " + login, []string{isJSON}, "\xff\xfe{\x00}\x00", 400, "UTF-16"},
		"UTF-16, unmarked":   {"POST " + login, []string{isJSON}, "\x00{\x00}", 400, "UTF-16"},
		"Latin 1":            {"POST " + login, []string{"Content-Type: application/json; charset=iso-8859-1"}, "{\"email\":\"\xe9\"}", 400, "not valid UTF-8"},
		"ASCII as Latin 1":   {"POST " + login, []string{"Content-Type: application/json; charset=iso-8859-1"}, "{}", 400, "Some fields"},
		"twice":              {"POST " + login, []string{isJSON}, `{"email":"a","email":"b"}`, 400, "two members of the same name"},
		"trailing":           {"POST " + login, []string{isJSON}, `{} {}`, 400, "follows the JSON object"},
		"a list":             {"POST " + login, []string{isJSON}, `[{}]`, 400, "not an object"},
		"null":               {"POST " + login, []string{isJSON}, `null`, 400, "not an object"},
		"cut":                {"POST " + login, []string{isJSON}, `{"email":"a`, 400, "ends too early"},
		"a comma too many":   {"POST " + login, []string{isJSON}, `{"email":"a",}`, 400, "look at byte 12"},
		"too deep":           {"POST " + login, []string{isJSON}, `{"x":` + strings.Repeat("[", 20_000), 400, "look at byte 10"},
		"too long":           {"POST " + login, []string{isJSON}, strings.Repeat(" ", 65*1024), 413, "at most 64 KiB"},
		"wrong method":       {"GET " + login, nil, "", 405, "the Allow header lists"},
		"a slash at the end": {"GET " + profile + "/", nil, "", 404, "a slash too many"},
		"two slashes":        {"GET /api//v1/profile", nil, "", 404, "a slash too many"},
		"nothing there":      {"GET /api/v1/nothing", nil, "", 404, "There is no resource at this path."},
		"no credentials":     {"GET " + profile, nil, "", 401, "not provided"},
		"another host":       {"GET http://evil.example/", nil, "", 421, "for a host"},
	}
	for name, test := range tests {
		headers := append([]string{"Host: localhost:8080", "Connection: close"}, test.headers...)
		for framing, request := range map[string]string{
			"length": test.line + " HTTP/1.1\r\n" + strings.Join(headers, "\r\n") + "\r\nContent-Length: " + strconv.Itoa(len(test.body)) + "\r\n\r\n" + test.body,
			"chunks": test.line + " HTTP/1.1\r\n" + strings.Join(headers, "\r\n") + "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(test.body),
		} {
			answer := raw(t, app, request)
			require.Equal(t, test.status, answer.Status, "%s, %s: %s", name, framing, answer.Body)
			require.Contains(t, answer.Text(t, "detail"), test.detail, "%s, %s", name, framing)
		}
	}
}

func chunked(body string) string {
	if body == "" {
		return "0\r\n\r\n"
	}
	return strconv.FormatInt(int64(len(body)), 16) + "\r\n" + body + "\r\n0\r\n\r\n"
}

// A body that may be left out may be left out in any framing.
func TestLogout_WithoutABodyHoweverThatIsFramed(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	app.Signup(t, annAddress)
	for name, framing := range map[string]string{
		"nothing":               "\r\n",
		"length":                "Content-Length: 0\r\n\r\n",
		"length, a type":        "Content-Length: 0\r\nContent-Type: application/json\r\n\r\n",
		"length, a form's type": "Content-Length: 0\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n",
		"chunks":                "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunks, a type":        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"an object":             "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
	} {
		session := app.Login(t, annAddress)
		answer := raw(t, app, "POST /api/v1/logout HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\nAuthorization: Bearer "+
			session.Access+"\r\n"+framing)
		require.Equal(t, http.StatusNoContent, answer.Status, name)
		requireCode(t, 401, "session_revoked", app.Get(t, profile, session.Access))
	}
}

// A request with both framings of a body is the last of its connection: the proxy in front may have read the other one.
func TestServer_ARequestWithTwoFramingsEndsItsConnection(t *testing.T) {
	t.Parallel()
	app := testkit.NewApp(t, testkit.SQLite(t))
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"
	connection, err := net.Dial("tcp", app.Addr)
	require.NoError(t, err)
	defer connection.Close()
	_, err = io.WriteString(connection, "POST "+login+" HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\n"+
		"Content-Length: "+strconv.Itoa(5+len(smuggled))+"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+smuggled)
	require.NoError(t, err)
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(testkit.Patience)))
	all, err := io.ReadAll(connection)
	require.NoError(t, err, "the server closes it")
	require.Equal(t, 1, strings.Count(string(all), "HTTP/1.1 "), "%s", all)
	require.NotContains(t, app.Log.String(), `"status":404`)
}
