package tokens

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

// Seal encrypts and authenticates plaintext with AES-256-GCM under a random nonce, and authenticates additionalData, which
// names what the plaintext belongs to, such as the id of its row. The key must have 32 bytes (ErrWeakKey).
func Seal(key, plaintext, additionalData []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plaintext, additionalData), nil
}

// Open returns the plaintext of what Seal made with any of the keys, tried in order, and the same additionalData. It fails
// with ErrSealBroken if no key opens it, and with ErrWeakKey on a key that does not have 32 bytes.
func Open(keys [][]byte, sealed, additionalData []byte) ([]byte, error) {
	for _, key := range keys {
		aead, err := newAEAD(key)
		if err != nil {
			return nil, err
		}
		if plaintext, err := aead.Open(nil, nil, sealed, additionalData); err == nil {
			return plaintext, nil
		}
	}
	return nil, ErrSealBroken
}

// newAEAD returns AES-256-GCM that prefixes its output with a random nonce.
func newAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("%w: sealing needs a key of 32 bytes, this one has %d", ErrWeakKey, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
