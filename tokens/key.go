package tokens

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"
)

const (
	minSecretLength = 32   // bytes; RFC 7518, section 3.2: as long as the hash
	minRSABits      = 2048 // RFC 7518, section 3.3; enough to verify
	strongRSABits   = 3072 // 128 bits of strength (NIST SP 800-57, part 1, table 2), as every other algorithm here has
)

// Key signs and verifies tokens with one algorithm, or only verifies them. Printing or logging a key, alone or inside
// another value, shows its algorithm and id, never its material.
type Key struct {
	algorithm Algorithm
	id        string
	// A function, because that is the only kind of field of which fmt prints just the address: for a Key in an unexported
	// field it would not call String, and for verbs such as %s it follows pointers.
	material func() keyMaterial
}

type keyMaterial struct {
	private any // what golang-jwt signs with; nil in a key that only verifies
	public  any // what golang-jwt verifies with; for HS256 the secret itself
}

// NewHMACKey returns an HS256 key with a copy of secret, which needs at least 32 bytes (ErrWeakKey). It refuses a PEM with
// ErrKeyInvalid: a PEM given as a secret is most often a public key, with which anyone could sign.
func NewHMACKey(secret []byte) (Key, error) {
	if len(secret) < minSecretLength {
		return Key{}, fmt.Errorf("%w: an HMAC secret needs at least %d bytes, this one has %d",
			ErrWeakKey, minSecretLength, len(secret))
	}
	if block, _ := pem.Decode(secret); block != nil {
		return Key{}, fmt.Errorf("%w: HS256 needs a random secret, but this is a PEM", ErrKeyInvalid)
	}
	secret = bytes.Clone(secret)
	// RFC 7638 would hash the secret itself, which its section 7 warns against: the id is public.
	id := DeriveKey(secret, "hmac key id")[:16]
	return Key{
		algorithm: HS256,
		id:        base64.RawURLEncoding.EncodeToString(id),
		material:  func() keyMaterial { return keyMaterial{private: secret, public: secret} },
	}, nil
}

// GenerateKey returns a new random key: of 32 bytes for HS256, of 3072 bits for RS256. It fails with ErrUnknownAlgorithm on
// any other name.
func GenerateKey(algorithm Algorithm) (Key, error) {
	var private crypto.Signer
	var err error
	switch algorithm {
	case HS256:
		secret := make([]byte, minSecretLength)
		rand.Read(secret)
		return NewHMACKey(secret)
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, strongRSABits)
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		_, err = ParseAlgorithm(string(algorithm))
	}
	if err != nil {
		return Key{}, err
	}
	return newSigningKey(algorithm, private)
}

func newSigningKey(algorithm Algorithm, private crypto.Signer) (Key, error) {
	key, err := newVerifyingKey(algorithm, private.Public())
	if err != nil {
		return Key{}, err
	}
	key.material = func() keyMaterial { return keyMaterial{private: private, public: private.Public()} }
	return key, nil
}

func newVerifyingKey(algorithm Algorithm, public crypto.PublicKey) (Key, error) {
	fits, description := describe(public)
	if fits == "" || algorithm != fits {
		return Key{}, fmt.Errorf("%w: %s can't use %s", ErrKeyInvalid, algorithm, description)
	}
	if rsaKey, ok := public.(*rsa.PublicKey); ok && rsaKey.N.BitLen() < minRSABits {
		return Key{}, fmt.Errorf("%w: an RSA key needs at least %d bits, this one has %d",
			ErrWeakKey, minRSABits, rsaKey.N.BitLen())
	}
	key := Key{algorithm: algorithm, material: func() keyMaterial { return keyMaterial{public: public} }}
	key.id = key.jwk().thumbprint()
	return key, nil
}

// describe returns the algorithm that a public key is for, or "" if Latchkey can't use the key, and a name for messages.
func describe(public crypto.PublicKey) (Algorithm, string) {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return RS256, "an RSA key"
	case *ecdsa.PublicKey:
		description := "an EC key on " + public.Curve.Params().Name
		if public.Curve != elliptic.P256() {
			return "", description
		}
		return ES256, description
	case ed25519.PublicKey:
		return EdDSA, "an Ed25519 key"
	default:
		return "", "a key of this kind"
	}
}

// ID returns the key's `kid`: its JWK thumbprint (RFC 7638), or for HS256 a name that is derived from the secret and
// reveals nothing about it.
func (k Key) ID() string { return k.id }

// Algorithm returns the only algorithm that the key is used with.
func (k Key) Algorithm() Algorithm { return k.algorithm }

// CanSign reports whether the key can sign; otherwise it only verifies.
func (k Key) CanSign() bool { return k.material != nil && k.material().private != nil }

// Public returns the same key, able only to verify. That of an HS256 key is still secret.
func (k Key) Public() Key {
	if k.material != nil {
		public := k.material().public
		k.material = func() keyMaterial { return keyMaterial{public: public} }
	}
	return k
}

// CheckStrength returns ErrWeakKey if the key has less than 128 bits of strength, as an RSA key below 3072 bits has. Such a key
// may verify what it has signed, but is to sign no more.
func (k Key) CheckStrength() error {
	if k.material == nil {
		return nil
	}
	if rsaKey, ok := k.material().public.(*rsa.PublicKey); ok && rsaKey.N.BitLen() < strongRSABits {
		return fmt.Errorf("%w: an RSA key that signs needs at least %d bits, this one has %d",
			ErrWeakKey, strongRSABits, rsaKey.N.BitLen())
	}
	return nil
}

func (k Key) sign(text string) ([]byte, error) {
	if !k.CanSign() {
		return nil, fmt.Errorf("%w: %v only verifies", ErrKeyInvalid, k)
	}
	return k.algorithm.method().Sign(text, k.material().private)
}

func (k Key) verify(text string, signature []byte) error {
	return k.algorithm.method().Verify(text, signature, k.material().public)
}

// String returns the key's algorithm and id, without its material.
func (k Key) String() string {
	if k.material == nil {
		return "no key"
	}
	return fmt.Sprintf("%s key %s", k.algorithm, k.id)
}

// GoString returns String, for %#v.
func (k Key) GoString() string { return k.String() }

// LogValue returns String, for slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
