package passwords

import (
	"cmp"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"math/bits"
	"strings"

	"golang.org/x/crypto/scrypt"
)

func newSalt() []byte {
	salt := make([]byte, saltLength)
	rand.Read(salt)
	return salt
}

// saltAndKey decodes the last two fields of a PHC string, which are unpadded standard base64.
func saltAndKey(salt64, key64 string) (salt, key []byte, err error) {
	if salt, err = decodeBase64(base64.RawStdEncoding, salt64); err != nil {
		return nil, nil, err
	}
	key, err = decodeBase64(base64.RawStdEncoding, key64)
	return salt, key, err
}

// hasDefaultLengths reports whether salt and key are as long as those of new hashes.
func hasDefaultLengths(salt, key []byte) bool {
	return len(salt) == saltLength && len(key) == keyLength
}

func hashScrypt(password string, n, r, p int) (string, error) {
	salt := newSalt()
	key, err := scrypt.Key([]byte(password), salt, n, r, p, keyLength)
	return fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", bits.TrailingZeros(uint(n)), r, p,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), err
}

// decodeScrypt reads the costs, salt and hash of a PHC string; passlib's are the same.
func decodeScrypt(fields []string) (decoded, error) {
	if len(fields) != 3 {
		return decoded{}, unsupported("it is not a PHC scrypt hash")
	}
	costs, err := numbers(fields[0], "ln", "r", "p")
	if err != nil {
		return decoded{}, err
	}
	if costs[0] > 30 {
		return decoded{}, checkScrypt(1<<30, costs[1], costs[2])
	}
	n, r, p := 1<<costs[0], costs[1], costs[2]
	salt, key, err := saltAndKey(fields[1], fields[2])
	if err != nil {
		return decoded{}, err
	}
	stored, err := storedScrypt(n, r, p, salt, key)
	if hasDefaultLengths(salt, key) {
		stored.parameters = Parameters{Algorithm: Scrypt, N: n, R: r, P: p}
	}
	return stored, err
}

func storedScrypt(n, r, p int, salt, key []byte) (decoded, error) {
	if err := cmp.Or(checkScrypt(n, r, p), checkKeyLength(key, keyLength, 64)); err != nil {
		return decoded{}, err
	}
	return decoded{algorithm: Scrypt, matches: func(_ *lane, password string) bool {
		derived, err := scrypt.Key([]byte(password), salt, n, r, p, len(key))
		return err == nil && equal(key, derived)
	}}, nil
}

// digest returns the hash function of a PBKDF2 algorithm, named as in Django.
func digest(algorithm string) func() hash.Hash {
	switch algorithm {
	case "pbkdf2_sha1":
		return sha1.New
	case "pbkdf2_sha512":
		return sha512.New
	default:
		return sha256.New
	}
}

func hashPBKDF2(password string, iterations int) (string, error) {
	salt := newSalt()
	key, err := pbkdf2.Key(sha256.New, password, salt, iterations, keyLength)
	return fmt.Sprintf("$pbkdf2-sha256$i=%d,l=%d$%s$%s", iterations, keyLength,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), err
}

// decodePBKDF2 reads "i=29000,l=32" (PHC) or "29000" (passlib, whose base64 has "." for "+"), salt and hash.
func decodePBKDF2(id string, fields []string) (decoded, error) {
	if len(fields) != 3 {
		return decoded{}, unsupported("it is not a PHC pbkdf2 hash")
	}
	isPHC := strings.HasPrefix(fields[0], "i=")
	if !isPHC {
		fields = []string{"i=" + fields[0], strings.ReplaceAll(fields[1], ".", "+"), strings.ReplaceAll(fields[2], ".", "+")}
	}
	salt, key, err := saltAndKey(fields[1], fields[2])
	if err != nil {
		return decoded{}, err
	}
	costs, length, hasLength := strings.Cut(fields[0], ",")
	if hasLength && length != fmt.Sprintf("l=%d", len(key)) {
		return decoded{}, unsupported("its hash does not have the stated length")
	}
	values, err := numbers(costs, "i")
	if err != nil {
		return decoded{}, err
	}
	stored, err := storedPBKDF2(strings.ReplaceAll(id, "-", "_"), values[0], salt, key)
	if isPHC && hasDefaultLengths(salt, key) && stored.algorithm == PBKDF2SHA256 {
		stored.parameters = Parameters{Algorithm: PBKDF2SHA256, Iterations: values[0]}
	}
	return stored, err
}

func storedPBKDF2(algorithm string, iterations int, salt, key []byte) (decoded, error) {
	function := digest(algorithm)
	if err := cmp.Or(checkPBKDF2(iterations), checkKeyLength(key, function().Size())); err != nil {
		return decoded{}, err
	}
	return decoded{algorithm: algorithm, matches: func(_ *lane, password string) bool {
		derived, err := pbkdf2.Key(function, password, salt, iterations, len(key))
		return err == nil && equal(key, derived)
	}}, nil
}
