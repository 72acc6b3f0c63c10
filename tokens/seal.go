package tokens

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

// Seal encrypts and authenticates plaintext, and authenticates additionalData (what the secret belongs to, such as its
// row's id), with AES-256-GCM under a random nonce. The key has 32 bytes, else ErrWeakKey.
func Seal(key, plaintext, additionalData []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plaintext, additionalData), nil
}

// Open answers the plaintext of what Seal made under any of the keys, tried in order, with the same additionalData,
// else ErrSealBroken.
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

// newAEAD answers AES-256-GCM that puts a random nonce before what it seals.
func newAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("%w: sealing needs a key of 32 bytes, this has %d", ErrWeakKey, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
