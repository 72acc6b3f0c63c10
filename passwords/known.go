package passwords

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"strings"
)

// knownPasswords holds the passwords that attackers try first, in lower case: package wordlist makes it, and says of which lists.
//
//go:embed wordlist/known-passwords.bin
var knownPasswords knownSet

// knownSet is a set of texts of which it holds 40 bits each: those of their SHA-256. A text that is not in it is found
// nevertheless with a probability of its size divided by 2^40. The first 16 bits choose one of 65,536 buckets. The set begins
// with their sizes, a byte each; then follow the other 24 bits of all texts, bucket after bucket.
type knownSet string

const (
	knownBuckets  = 1 << 16
	knownRestSize = 3 // bytes
)

// contains reports whether the set has a text, in whatever case and with whatever spaces around it.
func (s knownSet) contains(text string) bool {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(text))))
	bucket, rest := int(binary.BigEndian.Uint16(sum[:])), string(sum[2:2+knownRestSize])
	start := knownBuckets
	for _, size := range []byte(s[:bucket]) {
		start += knownRestSize * int(size)
	}
	for i := range int(s[bucket]) {
		at := start + i*knownRestSize
		if s[at:at+knownRestSize] == knownSet(rest) {
			return true
		}
	}
	return false
}
