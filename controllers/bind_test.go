package controllers

import (
	"bytes"
	stdjson "encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"latchkey/models"
	"latchkey/problems"
)

func bindText(t testing.TB, body, contentType string, into any) error {
	t.Helper()
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	c.Request.Header.Set("Content-Type", contentType)
	return Bind(c, into)
}

// notOneObject are documents that are not exactly one JSON object. encoding/json's decoder accepts many of them.
var notOneObject = []string{
	``, ` `, `null`, `[]`, `"a"`, `1`, `true`, `{`, `}`, `{}{}`, `{} {}`, `{}x`, `{},`, `{}null`, "{}\x00", `[{}]`,
	`{"first_name"}`, `{"first_name":}`, `{"first_name":"a",}`, `{,}`, `{first_name:"a"}`, `{'first_name':'a'}`,
	`{"first_name":"a" "last_name":"b"}`, `{"first_name":"a";"last_name":"b"}`, `{"first_name":"a"/**/}`,
	`// c` + "\n{}", `{"first_name":"a"}// c`, `{"first_name":NaN}`, `{"first_name":Infinity}`, `{"first_name":undefined}`,
	`{"first_name":01}`, `{"first_name":+1}`, `{"first_name":1.}`, `{"first_name":.5}`, `{"first_name":0x1}`,
	`{"first_name":1e}`, `{"first_name":"` + "\n" + `"}`, `{"first_name":"` + "\t" + `"}`, `{"first_name":"` + "\x00" + `"}`,
	`{"first_name":"\x41"}`, `{"first_name":"\u12"}`, `{"first_name":"\'"}`, `{"first_name":"a}`,
	`{"first_name":"` + "\xff" + `"}`, `{"first_name":"` + "\xc0\xaf" + `"}`, `{"first_name":"` + "\xed\xa0\x80" + `"}`,
	`{"first_name":"\ud800"}`, `{"first_name":"\udc00\ud800"}`, `{"first_name":"\ud800x"}`, "{\"\xff\":1}", `{"\ud800":1}`,
	`{"first_name":"a","first_name":"b"}`, `{"first_name":"a","first\u005fname":"b"}`, `{"x":{"a":1,"a":2}}`,
	"\ufeff{}", "\v{}", "\u00a0{}", `{"first_name":tru}`, `{"x":` + strings.Repeat("[", 20_000),
}

func TestBind_AcceptsOneObjectAndNothingElse(t *testing.T) {
	for _, body := range notOneObject {
		var request updateRequest
		err := bindText(t, body, "application/json", &request)
		require.ErrorIs(t, err, problems.ErrMalformedJSON, "%.60q", body)
		require.Equal(t, updateRequest{}, request, "%.60q", body)
	}
}

func TestBind_RequiresJSONAsContentType(t *testing.T) {
	for contentType, accepted := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON": true,
		"": false, "text/plain": false, "text/json": false, "application/x-www-form-urlencoded": false,
		"multipart/form-data; boundary=x": false, "application/json, text/plain": false, "application/jsonp": false,
		"application/problem+json": false, "json": false, ";": false, "application/json;;;": false,
	} {
		err := bindText(t, `{}`, contentType, &updateRequest{})
		if accepted {
			require.NoError(t, err, contentType)
			continue
		}
		require.ErrorIs(t, err, problems.ErrUnsupportedMediaType, contentType)
	}
}

func TestBind_KeepsEveryByteOfAString(t *testing.T) {
	for body, want := range map[string]string{
		`{"email":" a ","password":" é\u00e9\t\ud83d\ude00 "}`: " éé\t😀 ",
		`{"email":" a ","password":"e\u0301"}`:                 "e\u0301",
		`{"email":" a ","password":"\ufffd"}`:                  "\ufffd",
	} {
		var request loginRequest
		require.NoError(t, bindText(t, body, "application/json", &request))
		require.Equal(t, loginRequest{Email: " a ", Password: want}, request)
	}
}

// Every document that Bind accepts is valid JSON in valid UTF-8, and binding it again has the same result.
func FuzzBind(f *testing.F) {
	for _, seed := range notOneObject {
		f.Add([]byte(seed))
	}
	f.Add([]byte(`{"first_name":"Ann","last_name":"Bee"}`))
	f.Add([]byte(`{"first_name":1,"id":2,"x":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var request, again updateRequest
		err := bindText(t, string(body), "application/json", &request)
		if invalid := (*models.ValidationError)(nil); err != nil {
			if !bytes.Contains([]byte(err.Error()), []byte("body")) {
				require.ErrorAs(t, err, &invalid)
			}
			return
		}
		require.True(t, stdjson.Valid(body) && utf8.Valid(body), "%q", body)
		require.NoError(t, bindText(t, string(body), "application/json", &again))
		require.Equal(t, request, again)
	})
}
