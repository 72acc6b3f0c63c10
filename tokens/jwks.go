package tokens

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
)

// JWKS is a JWK set (RFC 7517, section 5) as published at /.well-known/jwks.json.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// JWK is the public part of a key (RFC 7517; its members by type: RFC 7518, section 6, and RFC 8037, section 2).
type JWK struct {
	KeyType   string    `json:"kty"`
	Use       string    `json:"use"`
	Algorithm Algorithm `json:"alg"`
	KeyID     string    `json:"kid"`
	Curve     string    `json:"crv,omitempty"`
	X         string    `json:"x,omitempty"`
	Y         string    `json:"y,omitempty"`
	N         string    `json:"n,omitempty"`
	E         string    `json:"e,omitempty"`
}

// JWKS returns the public keys of the set, the signing key first and the others in the order given. It omits HS256 keys,
// which are secret even if they only verify.
func (s KeySet) JWKS() JWKS {
	set := JWKS{Keys: []JWK{}}
	for _, key := range s.keys {
		if key.algorithm != HS256 {
			set.Keys = append(set.Keys, key.jwk())
		}
	}
	return set
}

func (k Key) jwk() JWK {
	jwk := JWK{Use: "sig", Algorithm: k.algorithm, KeyID: k.id}
	encode := base64.RawURLEncoding.EncodeToString
	switch public := k.material().public.(type) {
	case *rsa.PublicKey:
		jwk.KeyType = "RSA"
		jwk.N, jwk.E = encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		jwk.KeyType, jwk.Curve = "EC", "P-256"
		point, _ := public.Bytes() // 4 ‖ x ‖ y; fails only for a point off the curve, which no parser accepts
		jwk.X, jwk.Y = encode(point[1:33]), encode(point[33:])
	case ed25519.PublicKey:
		jwk.KeyType, jwk.Curve = "OKP", "Ed25519"
		jwk.X = encode(public)
	}
	return jwk
}

// thumbprint returns the JWK thumbprint (RFC 7638): the SHA-256 of the required members, sorted by name, in base64url.
func (j JWK) thumbprint() string {
	members := map[string]string{"kty": j.KeyType}
	for name, value := range map[string]string{"crv": j.Curve, "x": j.X, "y": j.Y, "n": j.N, "e": j.E} {
		if value != "" {
			members[name] = value
		}
	}
	canonical, _ := json.Marshal(members) // sorts the names; a map of strings can't fail
	sum := sha256.Sum256(canonical)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
