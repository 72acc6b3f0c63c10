package passwords

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// decodeDjangoPBKDF2 reads iterations, salt and padded base64 hash. The salt is its text, which Django does not encode.
func decodeDjangoPBKDF2(algorithm, rest string) (decoded, error) {
	fields := strings.Split(rest, "$")
	if len(fields) != 3 {
		return decoded{}, unsupported("it is not a Django pbkdf2 hash")
	}
	iterations, err := number(fields[0])
	if err != nil {
		return decoded{}, err
	}
	key, err := decodeBase64(base64.StdEncoding, fields[2])
	if err != nil {
		return decoded{}, err
	}
	return storedPBKDF2(algorithm, iterations, []byte(fields[1]), key)
}

// decodeDjangoScrypt reads N, salt, r, p and padded base64 hash.
func decodeDjangoScrypt(rest string) (decoded, error) {
	fields := strings.Split(rest, "$")
	if len(fields) != 5 {
		return decoded{}, unsupported("it is not a Django scrypt hash")
	}
	var costs [3]int
	for i, field := range []string{fields[0], fields[2], fields[3]} {
		value, err := number(field)
		if err != nil {
			return decoded{}, err
		}
		costs[i] = value
	}
	key, err := decodeBase64(base64.StdEncoding, fields[4])
	if err != nil {
		return decoded{}, err
	}
	return storedScrypt(costs[0], costs[1], costs[2], []byte(fields[1]), key)
}

// The names of Django's oldest formats: a single round of a digest, which barely slows down guessing.
const (
	legacyMD5          = "md5"
	legacySHA1         = "sha1"
	legacyUnsaltedMD5  = "unsalted_md5"
	legacyUnsaltedSHA1 = "unsalted_sha1"
)

// LegacyFormats returns the names that Options.AllowLegacy may contain.
func LegacyFormats() []string {
	return []string{legacyMD5, legacySHA1, legacyUnsaltedMD5, legacyUnsaltedSHA1}
}

// isUnsaltedMD5 reports whether encoded has one of Django's two spellings: 32 hexadecimal digits, alone or after "md5$$".
func isUnsaltedMD5(encoded string) bool {
	return strings.HasPrefix(encoded, "md5$$") || len(encoded) == 2*md5.Size && !strings.Contains(encoded, "$")
}

func decodeUnsaltedMD5(encoded string) (decoded, error) {
	return storedDigest(legacyUnsaltedMD5, "", strings.TrimPrefix(encoded, "md5$$"))
}

// decodeDigest reads salt and hexadecimal digest. An empty salt marks the unsalted format.
func decodeDigest(algorithm, rest string) (decoded, error) {
	salt, sum, _ := strings.Cut(rest, "$")
	if salt == "" {
		algorithm = "unsalted_" + algorithm
	}
	return storedDigest(algorithm, salt, sum)
}

func storedDigest(algorithm, salt, sum string) (decoded, error) {
	size, compute := md5.Size, func(text string) []byte { sum := md5.Sum([]byte(text)); return sum[:] }
	if strings.HasSuffix(algorithm, legacySHA1) {
		size, compute = sha1.Size, func(text string) []byte { sum := sha1.Sum([]byte(text)); return sum[:] }
	}
	want, err := hex.DecodeString(sum)
	if err != nil || len(want) != size || sum != strings.ToLower(sum) {
		return decoded{}, unsupported("its %s digest is malformed", algorithm)
	}
	return decoded{algorithm: algorithm, legacy: true, matches: func(_ *lane, password string) bool {
		return equal(want, compute(salt+password))
	}}, nil
}
