package passwords

import (
	"strings"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/match"
	"github.com/ccojocar/zxcvbn-go/matching"
)

const (
	minScore    = 2  // of zxcvbn's 0 to 4
	scoredRunes = 64 // zxcvbn's time grows with the cube of the length

	// The characters zxcvbn takes for letters ("p4$$w0rd"), and how many different ones it may look for. Its time
	// grows exponentially with them: 64 characters with all of them take 0.7 s.
	leetSymbols    = "0123456789@({[<!|$+%"
	maxLeetSymbols = 6
)

// isWeak reports whether zxcvbn scores the beginning of the password too low. The words are as easy to guess as those
// of its dictionaries.
func isWeak(password string, words []string) bool {
	password = firstRunes(password, scoredRunes)
	var filters []func(match.Matcher) bool
	if countLeet(password) > maxLeetSymbols {
		filters = append(filters, matching.FilterL33tMatcher)
	}
	return zxcvbn.PasswordStrength(password, words, filters...).Score < minScore
}

func countLeet(password string) int {
	count := 0
	for _, symbol := range leetSymbols {
		if strings.ContainsRune(password, symbol) {
			count++
		}
	}
	return count
}

func firstRunes(text string, count int) string {
	for i := range text {
		if count == 0 {
			return text[:i]
		}
		count--
	}
	return text
}
