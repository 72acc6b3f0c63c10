package migration

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// call is one request, whose Authorization header is called by the name of what it has.
type call struct {
	method string
	path   string
	header string
	media  string
	body   string
}

func (c call) String() string {
	body := c.body
	if start, _, isToken := strings.Cut(body, "eyJ"); isToken {
		body = start + "…" // each server has tokens of its own
	}
	return fmt.Sprintf("%s %s with %s as %q: %s", c.method, c.path, c.header, c.media, body)
}

// answer is what a client sees of the answer to a call.
type answer struct {
	What      string
	Status    int
	Allow     string
	Challenge string
	Location  string
	Body      any
}

// as returns an answer of Django's as Latchkey's should be: the same, except that it has an answer where Django fails.
func (a answer) as(other answer) answer {
	if a.Status == http.StatusInternalServerError && other.Status < http.StatusInternalServerError {
		return other
	}
	return a
}

const (
	json8 = "application/json"
	form8 = "application/x-www-form-urlencoded"
)

// paths are those of the views, and some that no view has.
func paths() (views, others []string) {
	views = []string{
		"/user/create/", "/user/obtain_token/", "/user/update/", "/api/token/", "/api/token/refresh/", "/api/token/verify/",
		"/api-token-auth/", "/api-token-refresh/", "/api-token-verify/",
	}
	for _, path := range views {
		others = append(others, strings.TrimSuffix(path, "/"), strings.TrimSuffix(path, "/")+"?next=%2F", path+"x", path+"/")
	}
	return views, append(others, "/user", "/user/", "/user/delete/", "/user/update/1/", "/api/token/blacklist/")
}

// headers are the Authorization headers by name. Issued are the tokens that the server itself issued.
func headers(users []seeded, issued map[string]string) map[string]string {
	inactive := users[slices.IndexFunc(users, func(user seeded) bool { return !user.Active })]
	past, future := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
	payload := func(id int64, username string, expires int64) string {
		return fmt.Sprintf(`{"user_id":%d,"username":%q,"email":%q,"exp":%d,"orig_iat":%d}`, id, username, username, expires, past)
	}
	return map[string]string{
		"nothing": "", "another scheme": "Basic eDp5", "a scheme like ours": "Bearers x", "no credentials": "Bearer",
		"spaces": "Bearer a b", "spaces around": "  Bearer   x  ", "garbage": "Bearer garbage", "dots": "Bearer x.y.z",
		"a token in lower case": "bearer " + issued["right"],
		"an expired token":      "Bearer " + signed(payload(users[0].ID, users[0].Email, past), djangoSecret),
		"a wrong signature":     "Bearer " + signed(payload(users[0].ID, users[0].Email, future), djangoSecret+"x"),
		"a user of Django":      "Bearer " + users[0].DRF,
		"an inactive user":      "Bearer " + inactive.DRF,
		"an unknown user":       "Bearer " + signed(payload(999_999, "gone@example.com", future), djangoSecret),
		"the right token":       "Bearer " + issued["right"],
		"a deactivated user":    "Bearer " + issued["inactive"],
		"a deleted user":        "Bearer " + issued["deleted"],
	}
}

// signed is a token that Django would have issued under a secret key.
func signed(payload, secret string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(payload))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

// calls are every method at every path with every header, and every body where one is read.
func calls(headers map[string]string) []call {
	views, others := paths()
	var all []call
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "LINK"} {
		for _, path := range views {
			for _, name := range slices.Sorted(maps.Keys(headers)) {
				all = append(all, call{method, path, name, "", ""})
			}
		}
		for _, path := range others {
			all = append(all, call{method, path, "nothing", "", ""}, call{method, path, "garbage", "", ""})
		}
	}
	for _, path := range views {
		for _, body := range slices.Concat(bodies(), tokenBodies(path, headers)) {
			body.method, body.path, body.header = "POST", path, "nothing"
			if path == "/user/update/" {
				if changesAccount(body.body) {
					continue
				}
				body.method, body.header = "PUT", "the right token"
			}
			all = append(all, body)
		}
	}
	return all
}

// changesAccount reports whether a body has a new email or password, which Latchkey changes nowhere without more proof.
func changesAccount(body string) bool {
	var fields struct{ Email, Password string }
	return json.Unmarshal([]byte(body), &fields) == nil && strings.TrimSpace(fields.Email+fields.Password) != ""
}

// bodies are the bodies that are sent to each view that reads one.
func bodies() []call {
	var all []call
	for _, body := range []string{
		`{}`, `[]`, `"x"`, `5`, `5.5`, `true`, `null`, ` `, `{`, `{"email":}`, `{"email":"a@example.com"} x`, `[1]`,
		`{"email":"a@example.com"}`, `{"password":"` + newPassword + `"}`,
		`{"email":"","password":"","token":"","refresh":""}`, `{"email":" ","password":" ","token":" ","refresh":" "}`,
		`{"email":null,"password":null,"token":null,"refresh":null,"first_name":null}`,
		`{"email":[],"password":{},"token":[],"refresh":{},"first_name":[]}`,
		`{"email":true,"password":false,"token":true,"refresh":false,"first_name":true}`,
		`{"extra":1}`,
		`{"email":"nobody","password":null}`, `{"user":5}`, `{"user":[]}`, `{"user":{"first_name":[]}}`, `{"first_name":7}`,
		`{"token":"x","refresh":"x"}`, `{"token":"x.y.z","refresh":"x.y.z"}`, `{"token":5,"refresh":5}`,
	} {
		all = append(all, call{media: json8, body: body}, call{media: "text/plain", body: body})
	}
	for _, body := range []string{"", "email=", "email=&password=", "first_name=", "first_name=x&first_name=Ann", "token=x&refresh=x", "user=x"} {
		all = append(all, call{media: form8, body: body})
	}
	const part = "--edge\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n\r\n--edge--\r\n"
	return append(all, call{media: "multipart/form-data; boundary=edge", body: part},
		call{media: "application/xml", body: "<a/>"}, call{media: "application/json; charset=utf-8", body: `{}`})
}

// tokenBodies are the bodies with tokens of a path's own library. Latchkey takes those of both libraries at both.
func tokenBodies(path string, headers map[string]string) (all []call) {
	send := func(token string) {
		all = append(all, call{media: json8, body: `{"token":"` + token + `","refresh":"` + token + `"}`})
	}
	if strings.HasPrefix(path, "/api-token-") {
		for _, name := range []string{
			"an expired token", "a wrong signature", "an inactive user", "an unknown user", "the right token", "a deactivated user",
			"a deleted user",
		} {
			send(strings.TrimPrefix(headers[name], "Bearer "))
		}
	}
	if strings.HasPrefix(path, "/api/token/") {
		past, future := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
		for _, kind := range []string{"access", "refresh"} {
			send(signed(fmt.Sprintf(`{"token_type":%q,"exp":%d,"jti":"1","user_id":1}`, kind, past), djangoSecret))
			send(signed(fmt.Sprintf(`{"token_type":%q,"exp":%d,"jti":"1","user_id":1}`, kind, future), djangoSecret+"x"))
		}
	}
	return all
}

// side is one of the two servers. Base returns its URL for a path, and change deactivates one user and deletes another.
type side struct {
	base   func(path string) string
	change func(t *testing.T, inactive, deleted string)
}

// play makes every call, and returns the answers.
func (s side) play(t *testing.T, users []seeded) []answer {
	t.Helper()
	issued := map[string]string{}
	for _, name := range []string{"right", "inactive", "deleted"} {
		credentials := login(name+"@calls.example.com", newPassword)
		s.do(t, call{"POST", "/user/create/", "", json8, credentials}, "")
		got := s.do(t, call{"POST", "/user/obtain_token/", "", json8, credentials}, "")
		issued[name] = got.Body.(map[string]any)["token"].(string)
	}
	s.change(t, "inactive@calls.example.com", "deleted@calls.example.com")
	named := headers(users, issued)
	var answers []answer
	for _, call := range calls(named) {
		got := s.do(t, call, named[call.header])
		got.What = call.String()
		got.Body = normalized(got.Body)
		answers = append(answers, got)
	}
	return answers
}

func (s side) do(t *testing.T, call call, header string) answer {
	t.Helper()
	base := s.base(call.path)
	request, err := http.NewRequestWithContext(t.Context(), call.method, base+call.path, strings.NewReader(call.body))
	require.NoError(t, err)
	if call.media != "" {
		request.Header.Set("Content-Type", call.media)
	}
	if header != "" {
		request.Header.Set("Authorization", header)
	}
	// Django's server for development sends a body after HEAD, which would spoil a connection that is used again.
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	received, err := client.Do(request)
	require.NoError(t, err)
	defer received.Body.Close()
	body, err := io.ReadAll(received.Body)
	require.NoError(t, err)
	seen := answer{
		Status: received.StatusCode, Allow: received.Header.Get("Allow"), Challenge: received.Header.Get("WWW-Authenticate"),
		Location: pathOf(received.Header.Get("Location")),
	}
	if seen.Status < http.StatusInternalServerError && len(body) > 0 {
		require.NoError(t, json.Unmarshal(body, &seen.Body), "%s at %s: %d %s", call, base, seen.Status, body)
	}
	return seen
}

func pathOf(location string) string {
	parsed, err := url.Parse(location)
	if err != nil {
		return location
	}
	return parsed.RequestURI()
}

// normalized is a body without what differs on purpose: ids, times and tokens; where a parser found its first fault; and the
// description of a view, which is the documentation in its source.
func normalized(body any) any {
	fields, isObject := body.(map[string]any)
	if !isObject {
		return body
	}
	mask(body, map[string]string{})
	if _, found := fields["description"]; found {
		fields["description"] = ""
	}
	if detail, _ := fields["detail"].(string); strings.Contains(detail, " parse error - ") {
		fields["detail"], _, _ = strings.Cut(detail, " - ")
	}
	return body
}
