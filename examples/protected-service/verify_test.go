package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

const (
	ourAudience  = "https://api.example.com"
	sharedSecret = "a secret that everybody can read"
	// bound is how long a test waits for another process or goroutine. Only a failure takes that long.
	bound = time.Minute
)

// get calls the service, with an access token unless that is empty.
func get(handler http.Handler, path, token string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	return response
}

// requireProblem checks an error response: its status, code and challenge.
func requireProblem(t *testing.T, response *httptest.ResponseRecorder, status int, code, challenge string) {
	t.Helper()
	require.Equal(t, status, response.Code, "%s", response.Body)
	require.Equal(t, "application/problem+json", response.Header().Get("Content-Type"))
	require.Contains(t, response.Header().Get("WWW-Authenticate"), challenge)
	var body problem
	require.NoError(t, json.Unmarshal(response.Body.Bytes(), &body))
	require.Equal(t, status, body.Status)
	require.Equal(t, code, body.Code)
	require.NotEmpty(t, body.Detail)
}

// follow runs a verifier until the test ends.
func follow(t *testing.T, options VerifierOptions) *Verifier {
	t.Helper()
	verifier := NewVerifier(options)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		verifier.Run(t.Context())
	}()
	t.Cleanup(func() { <-ended }) // t.Context ends before cleanups run
	return verifier
}

// requireReady waits until a service has its keys.
func requireReady(t *testing.T, handler http.Handler) {
	t.Helper()
	require.Eventually(t, func() bool {
		return get(handler, "/hello", "no token").Code == http.StatusUnauthorized
	}, bound, 5*time.Millisecond, "the keys have been fetched")
}

// madeIssuer is an issuer that signs whatever a test needs.
type madeIssuer struct {
	url string
	key *ecdsa.PrivateKey
}

func newMadeIssuer(t *testing.T) madeIssuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	point, err := key.PublicKey.Bytes()
	require.NoError(t, err)
	half := (len(point) - 1) / 2
	encode := base64.RawURLEncoding.EncodeToString
	jwk := map[string]string{"kty": "EC", "crv": "P-256", "kid": "one", // no alg, so that only the service pins it
		"x": encode(point[1 : 1+half]), "y": encode(point[1+half:])}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	publish(t, mux, "/.well-known/openid-configuration", map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	shared := map[string]string{"kty": "oct", "kid": "shared", "k": encode([]byte(sharedSecret))} // an issuer's mistake
	publish(t, mux, "/keys", map[string]any{"keys": []any{jwk, shared}})
	return madeIssuer{server.URL, key}
}

func publish(t *testing.T, mux *http.ServeMux, path string, document any) {
	t.Helper()
	body, err := json.Marshal(document)
	require.NoError(t, err)
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
}

// token returns a token that is valid except for what change does to it.
func (m madeIssuer) token(t *testing.T, method jwt.SigningMethod, key any, change func(header, claims map[string]any)) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": m.url, "aud": ourAudience, "sub": "ann", "exp": time.Now().Add(time.Minute).Unix()}
	token := jwt.NewWithClaims(method, claims)
	token.Header["typ"], token.Header["kid"] = "at+jwt", "one"
	if change != nil {
		change(token.Header, claims)
	}
	signed, err := token.SignedString(key)
	require.NoError(t, err)
	return signed
}

func TestAuthenticate_AcceptsOnlyAccessTokensOfTheIssuerForThisAudience(t *testing.T) {
	issuer := newMadeIssuer(t)
	service := newEngine(follow(t, VerifierOptions{issuer.url, ourAudience, time.Hour, time.Now}))
	requireReady(t, service)

	type values = map[string]any
	for name, change := range map[string]func(header, claims values){
		"as issued":                 nil,
		"typ in capitals":           func(header, _ values) { header["typ"] = "AT+JWT" },
		"several audiences":         func(_, claims values) { claims["aud"] = []string{"https://other.example", ourAudience} },
		"expired within the leeway": func(_, claims values) { claims["exp"] = time.Now().Unix() - 1 },
	} {
		response := get(service, "/hello", issuer.token(t, jwt.SigningMethodES256, issuer.key, change))
		require.Equal(t, http.StatusOK, response.Code, "%s: %s", name, response.Body)
		require.JSONEq(t, `{"sub":"ann","roles":[]}`, response.Body.String())
	}
	for name, change := range map[string]func(header, claims values){
		"another issuer":     func(_, claims values) { claims["iss"] = "https://evil.example" },
		"no issuer":          func(_, claims values) { delete(claims, "iss") },
		"another audience":   func(_, claims values) { claims["aud"] = "https://other.example" },
		"no audience":        func(_, claims values) { delete(claims, "aud") },
		"no expiry":          func(_, claims values) { delete(claims, "exp") },
		"not valid yet":      func(_, claims values) { claims["nbf"] = time.Now().Add(time.Minute).Unix() },
		"an ID token":        func(header, _ values) { header["typ"] = "JWT" },
		"no typ":             func(header, _ values) { delete(header, "typ") },
		"no key id":          func(header, _ values) { delete(header, "kid") },
		"an unknown key id":  func(header, _ values) { header["kid"] = "two" },
		"a number as key id": func(header, _ values) { header["kid"] = 1 },
		"an extension":       func(header, _ values) { header["crit"], header["b64"] = []string{"b64"}, true },
	} {
		t.Run(name, func(t *testing.T) {
			response := get(service, "/hello", issuer.token(t, jwt.SigningMethodES256, issuer.key, change))
			requireProblem(t, response, http.StatusUnauthorized, "token_invalid", `error="invalid_token"`)
		})
	}
	for _, expiry := range []int64{0, time.Now().Unix() - 60} {
		old := issuer.token(t, jwt.SigningMethodES256, issuer.key, func(_, claims values) { claims["exp"] = expiry })
		requireProblem(t, get(service, "/hello", old), http.StatusUnauthorized, "token_expired", `error="invalid_token"`)
	}
	requireProblem(t, get(service, "/hello", ""), http.StatusUnauthorized, "credentials_missing", "Bearer")
}

func TestAuthenticate_RefusesForgedSignatures(t *testing.T) {
	issuer := newMadeIssuer(t)
	service := newEngine(follow(t, VerifierOptions{issuer.url, ourAudience, time.Hour, time.Now}))
	requireReady(t, service)
	anothers, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&issuer.key.PublicKey)
	require.NoError(t, err)
	point, err := issuer.key.PublicKey.Bytes()
	require.NoError(t, err)
	byShared := func(header, _ map[string]any) { header["kid"] = "shared" }
	good := issuer.token(t, jwt.SigningMethodES256, issuer.key, nil)
	signed := good[:strings.LastIndex(good, ".")+1]
	for name, token := range map[string]string{
		"another's key":             issuer.token(t, jwt.SigningMethodES256, anothers, nil),
		"no signature":              signed,
		"an empty signature":        signed + strings.Repeat("A", 86),
		"alg none":                  issuer.token(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"HS256 by the public PEM":   issuer.token(t, jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil),
		"HS256 by the public DER":   issuer.token(t, jwt.SigningMethodHS256, der, nil),
		"HS256 by the point":        issuer.token(t, jwt.SigningMethodHS256, point, nil),
		"HS256 by a published key":  issuer.token(t, jwt.SigningMethodHS256, []byte(sharedSecret), byShared),
		"something else":            "no token",
		"two tokens":                good + " " + good,
		"another last character":    signed + respelled(good[len(signed):]),
		"a refresh token of theirs": "lkr_AAAA",
	} {
		t.Run(name, func(t *testing.T) {
			requireProblem(t, get(service, "/hello", token), http.StatusUnauthorized, "token_invalid", `error="invalid_token"`)
		})
	}
}

// respelled returns base64url for the same bytes, with an unused bit of its last character set.
func respelled(signature string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(signature) - 1
	return signature[:last] + string(alphabet[strings.IndexByte(alphabet, signature[last])|1])
}

func TestVerifier_Discover_RefusesAnotherIssuer(t *testing.T) {
	issuer := newMadeIssuer(t)
	mirror := strings.Replace(issuer.url, "127.0.0.1", "localhost", 1)
	_, err := NewVerifier(VerifierOptions{mirror, ourAudience, time.Hour, time.Now}).discover(t.Context())
	require.ErrorContains(t, err, "LATCHKEY_ISSUER has to be the same")
}
