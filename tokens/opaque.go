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
	partsLength  = 16 + 4 + 4
	opaqueLength = partsLength + sha256.Size
)

// Opaque encodes and decodes tokens that mean nothing to their holder: refresh tokens and one-time tokens. In text they
// are the prefix and, in base64url, id ‖ counters (big endian) ‖ HMAC-SHA256 over prefix ‖ id ‖ counters. Nothing of
// them needs to be stored, and what is stored does not help to make one.
type Opaque struct {
	prefix string
	keys   []Key
}

// Parts is what an opaque token says. What the counters count or else mean is the caller's to define.
type Parts struct {
	ID       uuid.UUID
	Counters [2]uint32
}

// NewOpaque makes a kind of opaque token of its own prefix, such as "lkr_", and keys of at least 32 bytes (else
// ErrWeakKey): the first signs, the others, its fallbacks, only verify. A token of one prefix is never one of another.
func NewOpaque(prefix string, keys ...[]byte) (*Opaque, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: opaque tokens need a key", ErrKeyInvalid)
	}
	opaque := &Opaque{prefix: prefix}
	for _, secret := range keys {
		key, err := NewHMACKey(secret)
		if err != nil {
			return nil, fmt.Errorf("key of opaque tokens: %w", err)
		}
		opaque.keys = append(opaque.keys, key)
	}
	return opaque, nil
}

// Encode answers the token of these parts: always the same one, as long as the key is.
func (o *Opaque) Encode(parts Parts) string {
	data := make([]byte, 0, opaqueLength)
	data = append(data, parts.ID[:]...)
	data = binary.BigEndian.AppendUint32(data, parts.Counters[0])
	data = binary.BigEndian.AppendUint32(data, parts.Counters[1])
	data = append(data, o.mac(o.keys[0], data)...)
	return o.prefix + base64.RawURLEncoding.EncodeToString(data)
}

// Decode answers the parts of a token that Encode has made, under the first key or a fallback, and ErrTokenInvalid for
// any other text. Each token has one spelling.
func (o *Opaque) Decode(token string) (Parts, error) {
	encoded, ok := strings.CutPrefix(token, o.prefix)
	if !ok {
		return Parts{}, invalid("another kind of token")
	}
	if len(encoded) != base64.RawURLEncoding.EncodedLen(opaqueLength) {
		return Parts{}, invalid("wrong length")
	}
	data, err := decodeBase64URL(encoded)
	if err != nil {
		return Parts{}, invalid("not unpadded base64url")
	}
	signed, mac := data[:partsLength], data[partsLength:]
	for _, key := range o.keys {
		if hmac.Equal(mac, o.mac(key, signed)) {
			return Parts{
				ID:       uuid.UUID(signed[:16]),
				Counters: [2]uint32{binary.BigEndian.Uint32(signed[16:]), binary.BigEndian.Uint32(signed[20:])},
			}, nil
		}
	}
	return Parts{}, invalid("signature does not match")
}

func (o *Opaque) mac(key Key, signed []byte) []byte {
	mac := hmac.New(sha256.New, key.material().private.([]byte))
	mac.Write([]byte(o.prefix))
	mac.Write(signed)
	return mac.Sum(nil)
}

// Code answers six digits for the parts of a token, for people to type. Whoever knows them knows nothing of the token.
// One in a million guesses right, so their caller counts the tries.
func (o *Opaque) Code(parts Parts) string { return o.code(o.keys[0], parts) }

// HasCode tells, in constant time, whether typed is the Code of parts under the first key or a fallback.
func (o *Opaque) HasCode(parts Parts, typed string) bool {
	match := 0
	for _, key := range o.keys {
		match |= subtle.ConstantTimeCompare([]byte(o.code(key, parts)), []byte(typed))
	}
	return match == 1
}

func (o *Opaque) code(key Key, parts Parts) string {
	data := append([]byte("code"), parts.ID[:]...)
	data = binary.BigEndian.AppendUint32(data, parts.Counters[0])
	data = binary.BigEndian.AppendUint32(data, parts.Counters[1])
	// The remainder of 64 random bits is as good as even.
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(o.mac(key, data))%1_000_000)
}
