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

// Pair is what an app keeps of a session, or of a refusal.
type Pair struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Code    string `json:"code"`   // of a refusal
	Active  bool   `json:"active"` // of token/verify
}

// Ask sends a request with a JSON body, or GET without one, to a Process, and reads the answer whole: what it returns without an
// error is acknowledged.
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

// MustAsk is Ask with an answer of the status want.
func MustAsk(t *testing.T, want int, address, path, token, body string) Pair {
	t.Helper()
	status, got, err := Ask(t.Context(), address, path, token, body)
	require.NoError(t, err)
	require.Equal(t, want, status, "%s: %s", path, got.Code)
	return got
}

// Refreshing is the body of a refresh.
func Refreshing(token string) string { return `{"refresh_token":"` + token + `"}` }

// OpenAt opens the database at url past the program, until the test ends.
func OpenAt(t *testing.T, url string) *gorm.DB {
	t.Helper()
	db, err := database.Open(url, database.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = database.Close(db) })
	return db
}
