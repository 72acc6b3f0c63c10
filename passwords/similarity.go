package passwords

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxSimilarity is Django's default: 1 means the same characters, 0 no common ones.
const maxSimilarity = 0.7

var notWord = regexp.MustCompile(`[^\pL\pM\pN_]+`)

// resemblesAny reports whether the password is close to one of the words, as Django's UserAttributeSimilarityValidator
// measures it.
func resemblesAny(password string, words []string) bool {
	password = strings.ToLower(password)
	return slices.ContainsFunc(words, func(word string) bool { return similarity(password, word) >= maxSimilarity })
}

// wordsOf returns, in lower case and the form of passwords, each attribute, its part before an "@", and the words that it
// consists of.
func wordsOf(attributes []string) []string {
	var words []string
	for _, attribute := range attributes {
		attribute = strings.ToLower(normalize(attribute))
		local, _, _ := strings.Cut(attribute, "@")
		words = append(words, attribute, local)
		words = append(words, notWord.Split(attribute, -1)...)
	}
	return words
}

// similarity returns the quick_ratio of Python's difflib: the share of characters that a and b have in common, in any order.
func similarity(a, b string) float64 {
	counts := make(map[rune]int)
	for _, r := range a {
		counts[r]++
	}
	common := 0
	for _, r := range b {
		if counts[r] > 0 {
			counts[r]--
			common++
		}
	}
	return 2 * float64(common) / float64(utf8.RuneCountInString(a)+utf8.RuneCountInString(b))
}
