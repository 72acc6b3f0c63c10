package controllers_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"latchkey/controllers"
	"latchkey/tokens"
)

const wellKnownIssuer = "https://auth.example.com"

func wellKnown(t *testing.T, algorithms ...tokens.Algorithm) (jwks, discovery *httptest.ResponseRecorder) {
	t.Helper()
	var keys []tokens.Key
	for _, algorithm := range algorithms {
		key, err := tokens.GenerateKey(algorithm)
		require.NoError(t, err)
		keys = append(keys, key)
	}
	set, err := tokens.NewKeySet(keys[0], keys[1:]...)
	require.NoError(t, err)
	resource := controllers.NewWellKnown(func() tokens.KeySet { return set }, wellKnownIssuer, "https://api.example.com")
	answer := func(handler func(*gin.Context) error) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(recorder)
		require.NoError(t, handler(c))
		require.Equal(t, http.StatusOK, recorder.Code)
		require.Equal(t, "public, max-age=300", recorder.Header().Get("Cache-Control"))
		require.Equal(t, "application/json; charset=utf-8", recorder.Header().Get("Content-Type"))
		return recorder
	}
	return answer(resource.JWKS), answer(resource.Discovery)
}

func TestWellKnown_PublishesEveryPublicKeyAndNoSecret(t *testing.T) {
	jwks, discovery := wellKnown(t, tokens.ES256, tokens.ES256, tokens.HS256, tokens.EdDSA, tokens.RS256)
	var published struct{ Keys []map[string]string }
	require.NoError(t, json.Unmarshal(jwks.Body.Bytes(), &published))
	require.Len(t, published.Keys, 4)
	for _, key := range published.Keys {
		require.NotEqual(t, "oct", key["kty"])
		require.NotContains(t, key, "d")
		require.NotContains(t, key, "k")
	}
	require.JSONEq(t, `{"issuer": "https://auth.example.com",
		"jwks_uri": "https://api.example.com/.well-known/jwks.json",
		"response_types_supported": [], "subject_types_supported": ["public"],
		"id_token_signing_alg_values_supported": ["ES256", "EdDSA", "RS256"]}`, discovery.Body.String())
}

func TestWellKnown_HasEmptyListsForASymmetricKey(t *testing.T) {
	jwks, discovery := wellKnown(t, tokens.HS256)
	require.JSONEq(t, `{"keys": []}`, jwks.Body.String())
	require.Contains(t, discovery.Body.String(), `"id_token_signing_alg_values_supported":[]`)
}
