package tokens

import (
	"crypto/hkdf"
	"crypto/sha256"
)

// DeriveKey derives a key of 32 bytes from a secret for one purpose (HKDF-SHA256, RFC 5869). A leaked key reveals nothing
// about the secret or the keys of other purposes. It panics on an empty secret, whose keys anyone could derive.
func DeriveKey(secret []byte, purpose string) []byte {
	if len(secret) == 0 {
		panic("tokens: deriving a key from an empty secret")
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "latchkey/"+purpose, sha256.Size)
	if err != nil {
		panic("tokens: " + err.Error()) // only for a secret below 14 bytes, and only under GODEBUG=fips140=only
	}
	return key
}
