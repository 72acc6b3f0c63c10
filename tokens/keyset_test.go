package tokens_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"latchkey/tokens"
)

func TestKeySet_Lookup_FindsKeysByID(t *testing.T) {
	keys := fixtureKeys()
	signing, other := keys[tokens.ES256].Key, keys[tokens.RS256].Key
	set, err := tokens.NewKeySet(signing, other.Public(), signing.Public(), other)
	require.NoError(t, err)
	require.Equal(t, signing.ID(), set.Signing().ID())
	for _, key := range []tokens.Key{signing, other} {
		found, ok := set.Lookup(key.ID())
		require.True(t, ok)
		require.Equal(t, key.ID(), found.ID())
	}
	_, ok := set.Lookup(keys[tokens.EdDSA].ID())
	require.False(t, ok)
	require.Len(t, set.JWKS().Keys, 2, "a key given twice counts once")

	_, err = tokens.NewKeySet(signing, tokens.Key{})
	require.ErrorIs(t, err, tokens.ErrKeyInvalid)
	_, err = tokens.NewKeySet(tokens.Key{})
	require.ErrorIs(t, err, tokens.ErrKeyInvalid)
	require.Zero(t, tokens.KeySet{}.Signing())
}

func TestKeySet_JWKS_HoldsThePublicKeysInOrder(t *testing.T) {
	keys := fixtureKeys()
	set := must(tokens.NewKeySet(keys[tokens.ES256].Key, keys[tokens.HS256].Key, keys[tokens.RS256].Key,
		keys[tokens.EdDSA].Public()))
	published := set.JWKS().Keys
	require.Len(t, published, 3)
	for i, algorithm := range []tokens.Algorithm{tokens.ES256, tokens.RS256, tokens.EdDSA} {
		require.Equal(t, algorithm, published[i].Algorithm)
		require.Equal(t, keys[algorithm].ID(), published[i].KeyID)
		require.Equal(t, "sig", published[i].Use)
		require.Equal(t, keys[algorithm].public, readJWK(t, published[i]))
	}
	require.Equal(t, set.JWKS(), set.JWKS())
}

func readJWK(t *testing.T, jwk tokens.JWK) any {
	decode := func(text string) []byte {
		data, err := base64.RawURLEncoding.Strict().DecodeString(text)
		require.NoError(t, err)
		return data
	}
	switch jwk.KeyType {
	case "RSA":
		n, e := new(big.Int).SetBytes(decode(jwk.N)), new(big.Int).SetBytes(decode(jwk.E))
		return &rsa.PublicKey{N: n, E: int(e.Int64())}
	case "EC":
		require.Equal(t, "P-256", jwk.Curve)
		point := append(append([]byte{4}, decode(jwk.X)...), decode(jwk.Y)...)
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		require.NoError(t, err)
		return key
	case "OKP":
		require.Equal(t, "Ed25519", jwk.Curve)
		return ed25519.PublicKey(decode(jwk.X))
	}
	t.Fatalf("kty %q", jwk.KeyType)
	return nil
}

func TestKeySet_JWKS_HoldsNothingPrivate(t *testing.T) {
	keys := fixtureKeys()
	all := must(tokens.NewKeySet(keys[tokens.HS256].Key, keys[tokens.ES256].Key, keys[tokens.RS256].Key,
		keys[tokens.EdDSA].Key))
	var written struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal(must(json.Marshal(all.JWKS())), &written))
	require.Len(t, written.Keys, 3)
	for _, jwk := range written.Keys {
		require.NotEqual(t, "oct", jwk["kty"])
		for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			require.NotContains(t, jwk, member)
		}
	}
	symmetric := must(tokens.NewKeySet(keys[tokens.HS256].Key))
	require.JSONEq(t, `{"keys":[]}`, string(must(json.Marshal(symmetric.JWKS()))))
}
