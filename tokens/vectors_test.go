package tokens

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// vectorJWK is a JSON Web Key as the published vectors write it.
type vectorJWK struct {
	Kty, Kid, Alg, Use, Crv, K, N, E, X, Y string
	KeyOps                                 []string `json:"key_ops"`
}

// key returns the Latchkey key of a JWK, if it is meant for verifying signatures of a supported algorithm.
func (j vectorJWK) key() (Key, error) {
	if j.Use != "" && j.Use != "sig" || j.KeyOps != nil && !slices.Contains(j.KeyOps, "verify") {
		return Key{}, fmt.Errorf("%w: not for signatures", ErrKeyInvalid)
	}
	algorithm, err := ParseAlgorithm(j.Alg)
	if err != nil {
		return Key{}, err
	}
	switch j.Kty {
	case "oct":
		return NewHMACKey(decodeVector(j.K))
	case "RSA":
		e := new(big.Int).SetBytes(decodeVector(j.E))
		return newVerifyingKey(algorithm, &rsa.PublicKey{N: new(big.Int).SetBytes(decodeVector(j.N)), E: int(e.Int64())})
	case "EC":
		point := slices.Concat([]byte{4}, decodeVector(j.X), decodeVector(j.Y))
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			return Key{}, err
		}
		return newVerifyingKey(algorithm, public)
	default:
		return newVerifyingKey(algorithm, ed25519.PublicKey(decodeVector(j.X)))
	}
}

func decodeVector(text string) []byte {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return data
}

// lookup finds the key by the kid in its JWK, whereas a key of Latchkey has its thumbprint as kid.
func (j vectorJWK) lookup(kid string) (Key, bool) {
	key, err := j.key()
	return key, err == nil && kid == j.Kid
}

const (
	notOffered   = "refused: the algorithm is not supported"
	notCanonical = "refused: a character that is not base64url, which the vectors let a reader skip"
	mislabelled  = "accepted: letter for letter the token of 357 ValidMac, which is valid"
)

// exceptions lists the cases whose outcome differs from that in the vectors, and why.
var exceptions = map[string]string{
	"264 emptyPayload":   notOffered, // RS384
	"265 allZeroPayload": notOffered,
	"266 oneBytePayload": notOffered,
	"267 normalPayload":  notOffered,
	"268 emptyPayload":   notOffered, // RS512
	"269 allZeroPayload": notOffered,
	"270 oneBytePayload": notOffered,
	"271 normalPayload":  notOffered,
	"272 emptyPayload":   notOffered, // PS256
	"273 allZeroPayload": notOffered,
	"274 oneBytePayload": notOffered,
	"275 normalPayload":  notOffered,
	"287 saltIsAll0":     notOffered,
	"288 saltIsAll1":     notOffered,
	"320 emptyPayload":   notOffered, // PS384
	"321 allZeroPayload": notOffered,
	"322 oneBytePayload": notOffered,
	"323 normalPayload":  notOffered,
	"325 emptyPayload":   notOffered, // PS512
	"326 allZeroPayload": notOffered,
	"327 oneBytePayload": notOffered,
	"328 normalPayload":  notOffered,
	"346 Figure20":       notOffered, // RFC 7520, section 4.2: PS384
	"350 Figure20":       notOffered,
	"347 Figure27":       notOffered, // RFC 7520, section 4.3: ES512
	"351 Figure27":       notOffered,

	"372 InvalidCharacterInsertedInHeader":  notCanonical,
	"373 InvalidCharacterInsertedInPayload": notCanonical,

	"367 invalidBase64Padding":          mislabelled,
	"370 invalidBase64PaddingInPayload": mislabelled,
}

func TestVerifyJWS_Wycheproof(t *testing.T) {
	var suite struct {
		TestGroups []struct {
			Private, Public *vectorJWK
			Tests           []struct {
				TcID            int
				Comment, Result string
				JWS             any
			}
		}
	}
	readVectors(t, "testdata/wycheproof/json_web_signature_test.json", &suite)
	tokens, otherwise := map[int]string{}, map[string]string{}
	for _, group := range suite.TestGroups {
		jwk := group.Public
		if jwk == nil {
			jwk = group.Private
		}
		for _, test := range group.Tests {
			name := fmt.Sprintf("%d %s", test.TcID, test.Comment)
			tokens[test.TcID] = compact(test.JWS)
			_, _, err := verifyJWS(tokens[test.TcID], jwk.lookup)
			if err != nil {
				require.ErrorIs(t, err, ErrTokenInvalid, name)
			}
			if accepted := err == nil; accepted != (test.Result == "valid") {
				otherwise[name] = exceptions[name]
			}
		}
	}
	require.Len(t, tokens, 401)
	require.Equal(t, exceptions, otherwise)
	require.Equal(t, tokens[357], tokens[367])
	require.Equal(t, tokens[357], tokens[370])
}

// compact returns the text of a case's token: JSON for the JSON serialisation.
func compact(jws any) string {
	if text, ok := jws.(string); ok {
		return text
	}
	return string(must(json.Marshal(jws)))
}

// rfcVectors holds the examples printed in the RFCs.
type rfcVectors struct {
	HS256      struct{ JWS, K string }           `json:"hs256_rfc7515_a1"`
	None       struct{ JWT string }              `json:"none_rfc7519_6_1"`
	JWTIO      struct{ JWT, Secret string }      `json:"jwt_io_default"`
	RSA        struct{ E, N, Thumbprint string } `json:"thumbprint_rfc7638"`
	Ed25519    struct{ X, Thumbprint string }    `json:"thumbprint_rfc8037_a3"`
	Ed25519JWS struct{ JWS, X string }           `json:"eddsa_rfc8037_a4"`
}

func TestVerifyJWS_RFCExamples(t *testing.T) {
	var rfc rfcVectors
	readVectors(t, "testdata/rfc/examples.json", &rfc)
	only := func(jwk vectorJWK) func(string) (Key, bool) {
		key, err := jwk.key()
		require.NoError(t, err)
		return func(string) (Key, bool) { return key, true } // the examples have no kid
	}

	t.Run("RFC 7515 A.1", func(t *testing.T) {
		lookup := only(vectorJWK{Kty: "oct", Alg: "HS256", K: rfc.HS256.K})
		header, payload, err := verifyJWS(rfc.HS256.JWS, lookup)
		require.NoError(t, err)
		require.Equal(t, joseHeader{Algorithm: HS256, Type: "JWT"}, header)
		require.Equal(t, `{"iss":"joe",`+"\r\n"+` "exp":1300819380,`+"\r\n"+` "http://example.com/is_root":true}`,
			string(payload))
	})
	t.Run("RFC 7519 6.1", func(t *testing.T) {
		_, _, err := verifyJWS(rfc.None.JWT, only(vectorJWK{Kty: "oct", Alg: "HS256", K: rfc.HS256.K}))
		require.ErrorIs(t, err, ErrTokenInvalid)
	})
	t.Run("RFC 7638 3.1", func(t *testing.T) {
		key, err := vectorJWK{Kty: "RSA", Alg: "RS256", N: rfc.RSA.N, E: rfc.RSA.E}.key()
		require.NoError(t, err)
		require.Equal(t, rfc.RSA.Thumbprint, key.ID())
	})
	t.Run("RFC 8037 A.3", func(t *testing.T) {
		key, err := vectorJWK{Kty: "OKP", Alg: "EdDSA", X: rfc.Ed25519.X}.key()
		require.NoError(t, err)
		require.Equal(t, rfc.Ed25519.Thumbprint, key.ID())
	})
	t.Run("RFC 8037 A.4", func(t *testing.T) {
		_, payload, err := verifyJWS(rfc.Ed25519JWS.JWS, only(vectorJWK{Kty: "OKP", Alg: "EdDSA", X: rfc.Ed25519JWS.X}))
		require.NoError(t, err)
		require.Equal(t, "Example of Ed25519 signing", string(payload))
	})
	t.Run("the example secret of jwt.io", func(t *testing.T) {
		_, err := NewHMACKey([]byte(rfc.JWTIO.Secret))
		require.ErrorIs(t, err, ErrWeakKey)
	})
	t.Run("none of them is an access token of ours", func(t *testing.T) {
		keys, err := NewKeySet(must(NewHMACKey(decodeVector(rfc.HS256.K))))
		require.NoError(t, err)
		access := NewAccessTokens(func() KeySet { return keys }, AccessTokenOptions{Issuer: "joe", Audience: "x"},
			func() time.Time { return time.Unix(1300819000, 0) })
		for _, token := range []string{rfc.HS256.JWS, rfc.None.JWT, rfc.JWTIO.JWT, rfc.Ed25519JWS.JWS} {
			_, err := access.Verify(token)
			require.ErrorIs(t, err, ErrTokenInvalid)
		}
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func readVectors(t *testing.T, path string, into any) {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}
