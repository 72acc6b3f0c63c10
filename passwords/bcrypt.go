package passwords

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"

	"golang.org/x/crypto/bcrypt"
)

// bcryptMaxLength is the number of bytes that bcrypt uses; it silently ignores the rest.
const bcryptMaxLength = 72

var bcryptFormat = regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$`)

// hashBcrypt returns a plain bcrypt hash, or Django's bcrypt_sha256 of a password that bcrypt would truncate.
func hashBcrypt(password string, cost int) (string, error) {
	if len(password) <= bcryptMaxLength {
		encoded, err := bcrypt.GenerateFromPassword([]byte(password), cost)
		return string(encoded), err
	}
	encoded, err := bcrypt.GenerateFromPassword(prehash(password), cost)
	return "bcrypt_sha256$" + string(encoded), err
}

// decodeBcrypt reads a plain bcrypt hash. It never matches a password of more than 72 bytes, of which the hash covers only
// the first 72.
func decodeBcrypt(encoded string) (decoded, error) {
	stored, compare, err := parseBcrypt(encoded)
	stored.algorithm = Bcrypt
	stored.matches = func(_ *lane, password string) bool {
		return compare([]byte(password)) && len(password) <= bcryptMaxLength
	}
	return stored, err
}

// decodeBcryptSHA256 reads Django's bcrypt over the hexadecimal SHA-256 of the password.
func decodeBcryptSHA256(encoded string) (decoded, error) {
	stored, compare, err := parseBcrypt(encoded)
	stored.algorithm = "bcrypt_sha256"
	stored.matches = func(_ *lane, password string) bool { return compare(prehash(password)) }
	return stored, err
}

func parseBcrypt(encoded string) (stored decoded, compare func([]byte) bool, err error) {
	match := bcryptFormat.FindStringSubmatch(encoded)
	if match == nil {
		return stored, nil, unsupported("its bcrypt hash is malformed")
	}
	cost, _ := strconv.Atoi(match[1])
	stored.parameters = Parameters{Algorithm: Bcrypt, Cost: cost}
	compare = func(key []byte) bool { return bcrypt.CompareHashAndPassword([]byte(encoded), key) == nil }
	return stored, compare, checkBcrypt(cost)
}

func prehash(password string) []byte {
	sum := sha256.Sum256([]byte(password))
	return hex.AppendEncode(nil, sum[:])
}
