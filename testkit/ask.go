package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"latchkey/database"
)

// Pair is what a client keeps of a response: the tokens of a session, or the code of a refusal.
type Pair struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Code    string `json:"code"`   // of a refusal
	Active  bool   `json:"active"` // of token/verify
}

// Ask sends a request to a Process at address: POST with a JSON body, or GET if body is empty. It reads the response completely:
// what it returns without an error is acknowledged.
func Ask(ctx context.Context, address, path, token, body string) (status int, got Pair, err error) {
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
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, got, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || len(text) == 0 {
		return response.StatusCode, got, err
	}
	return response.StatusCode, got, json.Unmarshal(text, &got)
}

// MustAsk is [Ask], and fails the test unless the response has the status want.
func MustAsk(t *testing.T, want int, address, path, token, body string) Pair {
	t.Helper()
	status, got, err := Ask(t.Context(), address, path, token, body)
	require.NoError(t, err)
	require.Equal(t, want, status, "%s: %s", path, got.Code)
	return got
}

// Refreshing returns the body of a refresh.
func Refreshing(token string) string { return `{"refresh_token":"` + token + `"}` }

// OpenAt opens the database at url, beside a program that uses it, until the test ends.
func OpenAt(t *testing.T, url string) *gorm.DB {
	t.Helper()
	db, err := database.Open(url, database.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = database.Close(db) })
	return db
}
