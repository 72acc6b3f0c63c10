// Command wordlist makes known-passwords.bin, in which package passwords looks new passwords up. README.md in this folder says
// where its lists come from.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	listSum   = "eac6323842b3261da0ef4c180c8e23f4d056522ea97c2925b8687f453b40a2be" // SHA-256 of the list of a million
	minLength = 8                                                                  // characters; shorter ones no policy allows
	buckets   = 1 << 16
	hashSize  = 5 // bytes of SHA-256: two for the bucket, three for the rest
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "wordlist:", err)
		os.Exit(1)
	}
}

// run reads Django's list and the list of a million, and writes the set of both.
func run(arguments []string) error {
	if len(arguments) != 3 {
		return errors.New("usage: wordlist common-passwords.txt.gz 10_million_password_list_top_1M.txt known-passwords.bin")
	}
	django, err := readGzip(arguments[0])
	if err != nil {
		return err
	}
	million, err := os.ReadFile(arguments[1]) //nolint:gosec // whoever runs it names the file
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(million); hex.EncodeToString(sum[:]) != listSum {
		return fmt.Errorf("%s is another list than the one that this folder's README.md names", arguments[1])
	}
	encoded, err := encode(collect(django, million))
	if err != nil {
		return err
	}
	return os.WriteFile(arguments[2], encoded, 0o644) //nolint:gosec // it is part of the sources
}

func readGzip(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // whoever runs it names the file
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unzipped)
}

// collect returns all of Django's passwords, and those of the million that are long enough, in lower case.
func collect(django, million []byte) map[string]struct{} {
	known := map[string]struct{}{}
	for line := range bytes.Lines(django) {
		known[strings.ToLower(strings.TrimSpace(string(line)))] = struct{}{}
	}
	for line := range bytes.Lines(million) {
		if word := strings.ToLower(strings.TrimSpace(string(line))); utf8.RuneCountInString(word) >= minLength {
			known[word] = struct{}{}
		}
	}
	delete(known, "")
	return known
}

// encode returns the sizes of the buckets, a byte each, and then what each holds, in order.
func encode(known map[string]struct{}) ([]byte, error) {
	hashes := make([]string, 0, len(known))
	for word := range known {
		sum := sha256.Sum256([]byte(word))
		hashes = append(hashes, string(sum[:hashSize]))
	}
	slices.Sort(hashes)
	hashes = slices.Compact(hashes)
	sizes, rest := make([]byte, buckets), make([]byte, 0, len(hashes)*(hashSize-2))
	for _, hash := range hashes {
		bucket := int(hash[0])<<8 | int(hash[1])
		if sizes[bucket]++; sizes[bucket] == 0 {
			return nil, errors.New("a bucket has more hashes than a byte counts")
		}
		rest = append(rest, hash[2:]...)
	}
	return slices.Concat(sizes, rest), nil
}
