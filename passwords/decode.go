package passwords

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"math"
	"strconv"
	"strings"
)

// decoded is a parsed stored hash whose costs are within the bounds.
type decoded struct {
	algorithm  string
	parameters Parameters // zero unless the hash has the form of new hashes
	legacy     bool       // a bare digest, verified only if Options.AllowLegacy has it
	matches    func(memory *lane, password string) bool
}

// Identify returns the algorithm of an encoded password, such as "argon2id" or "pbkdf2_sha256", or "unusable" if IsUsable
// is false. It fails with ErrUnsupportedHash or ErrHashTooExpensive if no pool could verify it.
func Identify(encoded string) (algorithm string, err error) {
	if !IsUsable(encoded) {
		return "unusable", nil
	}
	stored, err := decode(encoded)
	return stored.algorithm, err
}

// decode parses an encoded hash in any of the supported formats, and computes nothing.
func decode(encoded string) (decoded, error) {
	if len(encoded) > maxEncoded {
		return decoded{}, unsupported("it is longer than %d bytes", maxEncoded)
	}
	if isUnsaltedMD5(encoded) {
		return decodeUnsaltedMD5(encoded)
	}
	prefix, rest, _ := strings.Cut(encoded, "$")
	switch prefix {
	case "":
		return decodeModular(encoded)
	case "argon2":
		return outdated(decodeModular("$" + rest))
	case "bcrypt":
		return outdated(decodeBcrypt(rest))
	case "bcrypt_sha256":
		return decodeBcryptSHA256(rest)
	case "scrypt":
		return decodeDjangoScrypt(rest)
	case "pbkdf2_sha256", "pbkdf2_sha1":
		return decodeDjangoPBKDF2(prefix, rest)
	case "md5", "sha1":
		return decodeDigest(prefix, rest)
	}
	return decoded{}, unsupported("its algorithm is unknown")
}

// decodeModular reads the formats that begin with "$" and an identifier: PHC strings, passlib's and bcrypt's.
func decodeModular(encoded string) (decoded, error) {
	fields := strings.Split(encoded, "$")[1:]
	switch id := fields[0]; id {
	case "argon2id", "argon2i":
		return decodeArgon2(id, fields[1:])
	case "scrypt":
		return decodeScrypt(fields[1:])
	case "firebase-scrypt":
		return decodeFirebase(fields[1:])
	case "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512":
		return decodePBKDF2(id, fields[1:])
	case "2a", "2b", "2y":
		return decodeBcrypt(encoded)
	}
	return decoded{}, unsupported("its algorithm is unknown")
}

// outdated marks a hash as one to be rehashed whatever its costs, because of the format it is stored in.
func outdated(stored decoded, err error) (decoded, error) {
	stored.parameters = Parameters{}
	return stored, err
}

// number parses a positive decimal without leading zeros. It returns math.MaxInt32 for a larger one, so that the cost checks
// refuse it.
func number(text string) (int, error) {
	if text == "" || text[0] < '1' || text[0] > '9' {
		return 0, unsupported("a parameter is not a number")
	}
	value, err := strconv.ParseInt(text, 10, 32)
	if errors.Is(err, strconv.ErrRange) {
		return math.MaxInt32, nil
	}
	if err != nil {
		return 0, unsupported("a parameter is not a number")
	}
	return int(value), nil
}

// numbers parses parameters such as "m=65536,t=2,p=1", which must have exactly these names in this order.
func numbers(text string, names ...string) ([]int, error) {
	pairs := strings.Split(text, ",")
	if len(pairs) != len(names) {
		return nil, unsupported("its parameters are not %s", strings.Join(names, ","))
	}
	values := make([]int, len(names))
	for i, pair := range pairs {
		digits, found := strings.CutPrefix(pair, names[i]+"=")
		if !found {
			return nil, unsupported("its parameters are not %s", strings.Join(names, ","))
		}
		value, err := number(digits)
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	return values, nil
}

// decodeBase64 decodes strictly: it refuses line breaks and non-zero bits after the last byte.
func decodeBase64(encoding *base64.Encoding, text string) ([]byte, error) {
	value, err := encoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, unsupported("its base64 is malformed")
	}
	return value, nil
}

// equal reports, in constant time, whether a and b are the same.
func equal(a, b []byte) bool {
	return subtle.ConstantTimeCompare(a, b) == 1
}
