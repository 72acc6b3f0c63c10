package passwords

import (
	"maps"
	"strings"
	"sync"
)

// Format is what the encoded hashes have in common that cost the same to verify.
type Format struct {
	Prefix   string // of all of them: what stands before the salt
	Decoy    string // one of them, which no password is known to match; empty if they cost what new hashes do
	IsNative bool   // they cost what new hashes do
}

// Format returns the format of an encoded hash. It fails with ErrUnsupportedHash or ErrHashTooExpensive. A bare digest costs what
// new hashes do, because Verify computes one beside it.
func (p *Pool) Format(encoded string) (Format, error) {
	if !IsUsable(encoded) {
		return Format{}, unsupported("the account has no usable hash")
	}
	stored, err := decode(encoded)
	if err != nil {
		return Format{}, err
	}
	format := Format{Prefix: encoded[:saltAt(encoded)]}
	if format.IsNative = stored.legacy || stored.parameters == p.parameters; !format.IsNative {
		format.Decoy = blank(encoded)
	}
	return format, nil
}

// verifications counts the passwords that were verified, by format.
type verifications struct {
	mu    sync.Mutex
	count map[string]uint64
}

// Verified returns how many passwords the pool has verified, by the prefix of the format, with which tests compare the work of
// two requests. Those without a hash that can be verified, which cost what a new hash does, are under the empty prefix.
func (p *Pool) Verified() map[string]uint64 {
	p.verified.mu.Lock()
	defer p.verified.mu.Unlock()
	return maps.Clone(p.verified.count)
}

// add counts a verification against an encoded hash. decodeErr is the error of decoding it.
func (v *verifications) add(encoded string, decodeErr error) {
	prefix := ""
	if decodeErr == nil && IsUsable(encoded) {
		prefix = encoded[:saltAt(encoded)]
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.count == nil {
		v.count = map[string]uint64{}
	}
	v.count[prefix]++
}

// saltAt returns where the salt of an encoded hash in one of the supported formats begins.
func saltAt(encoded string) int {
	fields := strings.Split(encoded, "$")
	before := len(fields) - 2 // most end with salt and hash
	switch {
	case len(fields) == 1: // an unsalted digest in hexadecimal
		return 0
	case isBcrypt(fields):
		before = len(fields) - 1 // salt and hash are one field
	case fields[0] == "scrypt": // Django's: N, salt, r, p and hash
		before = 2
	case fields[1] == "firebase-scrypt": // costs, salt, signer key and hash
		before = 3
	}
	return len(strings.Join(fields[:before], "$")) + 1
}

func isBcrypt(fields []string) bool {
	return fields[0] == "bcrypt" || fields[0] == "bcrypt_sha256" || fields[0] == "" && strings.HasPrefix(fields[1], "2")
}

// blank returns an encoded hash without what is secret of it: with the same costs and lengths, but salt and hash are zeros.
func blank(encoded string) string {
	start := saltAt(encoded)
	zero := func(r rune) rune {
		if r == '=' {
			return r
		}
		return 'A' // zero in every alphabet of base64 but bcrypt's
	}
	fields := strings.Split(encoded[start:], "$")
	if isBcrypt(strings.Split(encoded, "$")) {
		return encoded[:start] + strings.Repeat(".", len(fields[0])) // zero in bcrypt's alphabet
	}
	for i, field := range fields {
		if strings.HasPrefix(encoded, "scrypt$") && (i == 1 || i == 2) {
			continue // r and p
		}
		fields[i] = strings.Map(zero, field)
	}
	return encoded[:start] + strings.Join(fields, "$")
}
