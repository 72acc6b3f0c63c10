package tokens

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// ParsePrivateKey reads an unencrypted private key for the algorithm from a PEM: PKCS#8, PKCS#1 (RSA) or SEC 1 (EC). RSA
// needs at least 2048 bits (ErrWeakKey; to sign, it should pass CheckStrength) and EC the curve P-256; anything else is
// ErrKeyInvalid. For HS256, whose keys have no PEM, it takes the secret's bytes as NewHMACKey does, so that it reads back
// whatever MarshalPrivateKey wrote.
func ParsePrivateKey(algorithm Algorithm, text []byte) (Key, error) {
	if algorithm == HS256 {
		return NewHMACKey(text)
	}
	block, err := decodePEM(text)
	if err != nil {
		return Key{}, err
	}
	var private any
	switch block.Type {
	case "PRIVATE KEY":
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		private, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return Key{}, fmt.Errorf("%w: needs the PEM of an unencrypted private key, but this is of type %q",
			ErrKeyInvalid, block.Type)
	}
	signer, ok := private.(crypto.Signer)
	if err != nil || !ok {
		return Key{}, fmt.Errorf("%w: the PEM does not hold a private key that can sign", ErrKeyInvalid)
	}
	return newSigningKey(algorithm, signer)
}

// ParsePublicKey reads a public key for the algorithm from a PEM (PKIX or PKCS#1), under the same rules as
// ParsePrivateKey. The key only verifies. HS256 has no public keys.
func ParsePublicKey(algorithm Algorithm, text []byte) (Key, error) {
	block, err := decodePEM(text)
	if err != nil {
		return Key{}, err
	}
	var public any
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		return Key{}, fmt.Errorf("%w: needs the PEM of a public key, but this is of type %q", ErrKeyInvalid, block.Type)
	}
	if err != nil {
		return Key{}, fmt.Errorf("%w: the PEM does not hold a public key", ErrKeyInvalid)
	}
	return newVerifyingKey(algorithm, public)
}

// MarshalPrivateKey returns the key in the form that ParsePrivateKey reads: a PKCS#8 PEM, or for HS256 the secret's bytes.
// It fails with ErrKeyInvalid on a key that only verifies.
func (k Key) MarshalPrivateKey() ([]byte, error) {
	if !k.CanSign() {
		return nil, fmt.Errorf("%w: %v has no private part", ErrKeyInvalid, k)
	}
	if secret, ok := k.material().private.([]byte); ok {
		return bytes.Clone(secret), nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.material().private)
	if err != nil {
		return nil, fmt.Errorf("marshal %v: %w", k, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// decodePEM returns the first block after any EC PARAMETERS: `openssl ecparam -genkey` writes the curve in such a block
// before the key.
func decodePEM(text []byte) (*pem.Block, error) {
	block, rest := pem.Decode(text)
	for block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, fmt.Errorf("%w: it contains no PEM block", ErrKeyInvalid)
	}
	return block, nil
}
