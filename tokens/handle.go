package tokens

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

const (
	payloadLength = 16 + 4 + 4
	handleLength  = payloadLength + sha256.Size
)

// Codec makes and reads self-authenticating handles, the text form of refresh, device and one-time tokens: a prefix and,
// in base64url, id ‖ counters (big endian) ‖ HMAC-SHA256 over prefix ‖ id ‖ counters. The text need not be stored, and the
// id and counters, which are, do not suffice to forge it.
type Codec struct {
	prefix string
	keys   []Key
}

// Handle is the content of a token. The caller defines what the counters mean.
type Handle struct {
	ID       uuid.UUID
	Counters [2]uint32
}

// NewCodec returns a codec for one kind of token, with a prefix such as "lkr_" and one or more keys (ErrKeyInvalid) of at
// least 32 bytes each (ErrWeakKey): the first signs, the others are fallbacks that only verify. A token made with one
// prefix is never valid under another.
func NewCodec(prefix string, keys ...[]byte) (*Codec, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: a codec needs at least one key", ErrKeyInvalid)
	}
	codec := &Codec{prefix: prefix}
	for _, secret := range keys {
		key, err := NewHMACKey(secret)
		if err != nil {
			return nil, fmt.Errorf("key of %s tokens: %w", prefix, err)
		}
		codec.keys = append(codec.keys, key)
	}
	return codec, nil
}

// Encode returns the token of a handle. It is deterministic: the same handle, prefix and key give the same token.
func (c *Codec) Encode(handle Handle) string {
	data := make([]byte, 0, handleLength)
	data = append(data, handle.ID[:]...)
	data = binary.BigEndian.AppendUint32(data, handle.Counters[0])
	data = binary.BigEndian.AppendUint32(data, handle.Counters[1])
	data = append(data, c.mac(c.keys[0], data)...)
	return c.prefix + base64.RawURLEncoding.EncodeToString(data)
}

// Decode returns the handle of a token that Encode made with the first key or a fallback, and ErrTokenInvalid for any
// other text. A token has exactly one spelling.
func (c *Codec) Decode(token string) (Handle, error) {
	encoded, ok := strings.CutPrefix(token, c.prefix)
	if !ok {
		return Handle{}, invalid("another kind of token")
	}
	if len(encoded) != base64.RawURLEncoding.EncodedLen(handleLength) {
		return Handle{}, invalid("wrong length")
	}
	data, err := decodeBase64URL(encoded)
	if err != nil {
		return Handle{}, invalid("not unpadded base64url")
	}
	signed, mac := data[:payloadLength], data[payloadLength:]
	for _, key := range c.keys {
		if hmac.Equal(mac, c.mac(key, signed)) {
			return Handle{
				ID:       uuid.UUID(signed[:16]),
				Counters: [2]uint32{binary.BigEndian.Uint32(signed[16:]), binary.BigEndian.Uint32(signed[20:])},
			}, nil
		}
	}
	return Handle{}, invalid("signature does not match")
}

func (c *Codec) mac(key Key, signed []byte) []byte {
	mac := hmac.New(sha256.New, key.material().private.([]byte))
	mac.Write([]byte(c.prefix))
	mac.Write(signed)
	return mac.Sum(nil)
}

// Code returns a code of six digits for a handle, for people to type. It reveals nothing about the token. One guess in a
// million is right, so the caller must limit the attempts.
func (c *Codec) Code(handle Handle) string { return c.code(c.keys[0], handle) }

// HasCode reports, in constant time, whether typed is the Code of the handle under the first key or a fallback.
func (c *Codec) HasCode(handle Handle, typed string) bool {
	match := 0
	for _, key := range c.keys {
		match |= subtle.ConstantTimeCompare([]byte(c.code(key, handle)), []byte(typed))
	}
	return match == 1
}

func (c *Codec) code(key Key, handle Handle) string {
	data := append([]byte("code"), handle.ID[:]...)
	data = binary.BigEndian.AppendUint32(data, handle.Counters[0])
	data = binary.BigEndian.AppendUint32(data, handle.Counters[1])
	// The bias of the remainder of 64 random bits is negligible.
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(c.mac(key, data))%1_000_000)
}
