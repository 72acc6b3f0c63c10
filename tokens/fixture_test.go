package tokens_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"latchkey/tokens"
)

const (
	issuer   = "https://auth.example.com"
	audience = "https://api.example.com"
)

var (
	noon       = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	algorithms = []tokens.Algorithm{tokens.HS256, tokens.RS256, tokens.ES256, tokens.EdDSA}
	options    = tokens.AccessTokenOptions{
		Issuer: issuer, Audience: audience, Lifetime: 5 * time.Minute, Leeway: 30 * time.Second,
	}
)

// signer is a key in two forms: Latchkey's, and the standard library's for forging tokens.
type signer struct {
	tokens.Key
	private any
	public  any
}

var fixtureKeys = sync.OnceValue(func() map[tokens.Algorithm]signer { return newSigners() })
var strangerKeys = sync.OnceValue(func() map[tokens.Algorithm]signer { return newSigners() })

func newSigners() map[tokens.Algorithm]signer {
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	secret := make([]byte, 32)
	rand.Read(secret)
	must(0, err)
	return map[tokens.Algorithm]signer{
		tokens.HS256: {must(tokens.NewHMACKey(secret)), secret, secret},
		tokens.RS256: {parsePrivate(tokens.RS256, rsaKey), rsaKey, &rsaKey.PublicKey},
		tokens.ES256: {parsePrivate(tokens.ES256, ecKey), ecKey, &ecKey.PublicKey},
		tokens.EdDSA: {parsePrivate(tokens.EdDSA, edKey), edKey, edKey.Public()},
	}
}

func parsePrivate(algorithm tokens.Algorithm, private crypto.PrivateKey) tokens.Key {
	return must(tokens.ParsePrivateKey(algorithm, privatePEM(private)))
}

func privatePEM(private crypto.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(private))})
}

func publicDER(public crypto.PublicKey) []byte { return must(x509.MarshalPKIXPublicKey(public)) }

func publicPEM(public crypto.PublicKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER(public)})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// newAccessTokens returns access tokens that are signed with the key of one algorithm and verified with those of all four, at noon.
func newAccessTokens(t testing.TB, signing tokens.Algorithm) *tokens.AccessTokens {
	keys := fixtureKeys()
	set, err := tokens.NewKeySet(keys[signing].Key,
		keys[tokens.ES256].Key, keys[tokens.RS256].Key, keys[tokens.EdDSA].Key, keys[tokens.HS256].Key)
	require.NoError(t, err)
	return tokens.NewAccessTokens(func() tokens.KeySet { return set }, options, func() time.Time { return noon })
}

// object is a JSON object whose values are JSON text; with removes a member whose new value is "".
type object map[string]string

func (o object) with(changes ...string) object {
	changed := maps.Clone(o)
	for i := 0; i < len(changes); i += 2 {
		changed[changes[i]] = changes[i+1]
		if changes[i+1] == "" {
			delete(changed, changes[i])
		}
	}
	return changed
}

func (o object) String() string {
	members := make(map[string]json.RawMessage, len(o))
	for name, value := range o {
		members[name] = json.RawMessage(value)
	}
	return string(must(json.Marshal(members)))
}

func quote(text string) string { return string(must(json.Marshal(text))) }

func goodHeader(key signer) object {
	return object{"alg": quote(string(key.Algorithm())), "kid": quote(key.ID()), "typ": `"at+jwt"`}
}

func goodClaims() object {
	return object{
		"iss": quote(issuer), "sub": `"0199a5c2-7f00-7abc-8def-0123456789ab"`, "aud": quote(audience),
		"exp": "1772366700", "iat": "1772366400", "nbf": "1772366400", "jti": `"0199a5c2-7f00-7abc-8def-000000000001"`,
	}
}

func base64URL(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// sign returns a token of any header and claims, valid or not, signed with the key and its algorithm.
func (s signer) sign(header, claims string) string {
	return s.signText(base64URL([]byte(header)) + "." + base64URL([]byte(claims)))
}

func (s signer) signText(text string) string {
	method := jwt.GetSigningMethod(string(s.Algorithm()))
	return text + "." + base64URL(must(method.Sign(text, s.private)))
}

func hmacSign(secret []byte, header, claims string) string {
	text := base64URL([]byte(header)) + "." + base64URL([]byte(claims))
	return text + "." + base64URL(must(jwt.SigningMethodHS256.Sign(text, secret)))
}
